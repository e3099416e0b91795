"""The preview of a source."""

from __future__ import annotations

from pywats_archive.web.views.preview import preview
from pywats_archive.web.views.words import visible


def test_text_with_its_encoding() -> None:
    """UTF-8, UTF-16 and Windows' own encoding are read, and named."""
    assert preview("a.txt", "Ω\nb".encode(), is_cut=False).lines == ("Ω", "b")
    assert preview("a.txt", "Ω".encode("utf-16"), is_cut=False).encoding == "UTF-16"
    shown = preview("a.txt", b"10 \xb5F", is_cut=False)
    assert (shown.encoding, shown.lines) == ("Windows-1252", ("10 µF",))


def test_a_window_that_ends_inside_a_character() -> None:
    """The rest of the window is read as UTF-8."""
    assert preview("a.txt", "aΩ".encode()[:-1], is_cut=True).lines == ("a",)


def test_a_table() -> None:
    """A CSV file is a table, whatever separates its cells; a cut one says so."""
    assert preview("a.CSV", b"a;b\n1;2\n", is_cut=False).rows == (("a", "b"), ("1", "2"))
    long = preview("a.csv", b"a,b\n" * 1000, is_cut=False)
    assert long.is_cut and len(long.rows) < 1000


def test_bytes_as_a_dump() -> None:
    """What is no text is shown as bytes."""
    shown = preview("a.bin", b"\0AB", is_cut=False)
    assert shown.kind == "bytes" and shown.lines == ("00000000  00 41 42                                         .AB",)


def test_foreign_text_is_visible() -> None:
    """Control and direction characters are marked, and a wall of text is cut."""
    assert visible("a\u202egnp.exe\0") == "a<U+202E>gnp.exe<U+0000>"
    assert len(visible("x" * 10_000)) == 301
