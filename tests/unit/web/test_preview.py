"""The preview of a source."""

from __future__ import annotations

import json

import pytest

from pywats_archive.web.views.preview import WINDOW, Preview, Window, preview
from pywats_archive.web.views.tree import LARGEST, tree
from pywats_archive.web.views.words import visible


def _preview(name: str, content: bytes, *, at: int = 0, size: int | None = None, kind: str = "") -> Preview:
    return preview(Window(name=name, content=content, at=at, size=size or at + len(content)), kind=kind)


def test_text_with_its_encoding() -> None:
    """UTF-8, UTF-16 and Windows' own encoding are read, and named."""
    assert _preview("a.txt", "Ω\nb".encode()).lines == ("Ω", "b")
    shown = _preview("a.txt", "Ω".encode("utf-16"))
    assert (shown.encoding, shown.lines) == ("UTF-16", ("Ω",))
    shown = _preview("a.txt", b"10 \xb5F")
    assert (shown.encoding, shown.lines) == ("Windows-1252", ("10 µF",))


def test_a_window_that_begins_and_ends_inside_a_character() -> None:
    """The rest of the window is read as UTF-8."""
    assert _preview("a.txt", "aΩ".encode()[:-1], size=100).lines == ("a",)
    assert _preview("a.txt", "Ωa".encode()[1:], at=32, size=100).lines == ("a",)


def test_a_window_of_utf_16_has_no_mark_of_its_own() -> None:
    """The first bytes of the file tell how its later ones are written."""
    window = Window(name="a", content="ab".encode("utf-16-le"), at=16, size=20, mark=b"\xff\xfe")
    assert preview(window).lines == ("ab",)


def test_the_windows_of_a_file_follow_each_other() -> None:
    """Each byte is in one window, and the last one has no next."""
    content, at, read = bytes(range(256)) * 100, 0, 0
    while True:
        shown = _preview("a.bin", content[at : at + WINDOW], at=at, size=len(content))
        read += shown.shown
        assert shown.lines[0].startswith(f"{at:08x}") and (shown.previous is None) is (at == 0)
        if shown.next is None:
            break
        at = shown.next
    assert read == len(content)
    long = _preview("a.txt", b"x" * (WINDOW + 5))
    assert (long.is_cut, long.next) == (True, WINDOW)


def test_a_table() -> None:
    """A CSV file is a table, whatever separates its cells; a cut one says so; any file can be seen as text or bytes."""
    shown = _preview("a.CSV", b"a;b\n1;2\n")
    assert shown.rows == (("a", "b"), ("1", "2")) and not shown.is_cut
    long = _preview("a.csv", b"a,b\n" * 1000)
    assert long.is_cut and long.next is None and len(long.rows) < 1000
    assert _preview("a.csv", b"a,b\n", kind="text").lines == ("a,b",)
    assert _preview("a.csv", b"a,b\n", kind="bytes").kind == "bytes"


def test_bytes_as_a_dump() -> None:
    """What is no text is shown as bytes, with their place in the file."""
    shown = _preview("a.bin", b"\0AB", at=16)
    assert shown.kind == "bytes" and shown.lines == ("00000010  00 41 42                                         .AB",)


def test_documents_as_trees() -> None:
    """JSON and XML are folded, whatever the file is called; a cut document is text."""
    shown = _preview("a.txt", b'{"a": [1, "x", null], "b": {}}')
    assert shown.tree and [each.name for each in shown.tree.children] == ["a", "b"]
    assert [each.value for each in shown.tree.children[0].children] == ["1", '"x"', "null"]
    found = tree('<?xml version="1.0"?><r xmlns="n" a="1"><c>t</c></r>')
    assert found and (found.name, found.value, found.children[0].value) == ("r", 'a="1"', "t")
    assert _preview("a.json", b'{"a": 1', size=LARGEST).kind == _preview("a.json", b"{oops").kind == "text"


@pytest.mark.parametrize(
    "text",
    ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "<a>", "<", "[" * 100_000, "[1" + "0" * 5000 + "]", '{"a": NaN'],
)
def test_what_is_no_sound_document_is_no_tree(text: str) -> None:
    """Entities are never resolved, and depth and size of foreign documents raise nothing."""
    assert tree(text) is None


def test_a_tree_is_bounded() -> None:
    """A large document shows some thousand values and counts the rest; a deep one ends."""
    found = tree(json.dumps([[1] * 5000, [2] * 5000]))
    assert found and sum(len(each.children) for each in found.children) < 5000
    assert [each.more > 0 for each in found.children] == [True, True]
    assert tree("[" * 500 + "]" * 500) and tree("<a>" * 500 + "</a>" * 500)


def test_a_picture_by_its_bytes() -> None:
    """An image is known by its first bytes; an SVG, which may hold scripts, is text."""
    assert _preview("a.txt", b"\x89PNG\r\n\x1a\n...").kind == "image"
    assert _preview("a.png", b"<svg onload='x'>").kind == "text"


def test_foreign_text_is_visible() -> None:
    """Control and direction characters are marked, and a wall of text is cut."""
    assert visible("a\u202egnp.exe\0") == "a<U+202E>gnp.exe<U+0000>"
    assert len(visible("x" * 10_000)) == 301
