"""An anchor is one line of text: it survives mails and logs, and nothing else is taken for one."""

from __future__ import annotations

import random
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.archive.anchors.anchor import MOST_EVENTS, Anchor, anchors_in, from_carried
from pywats_archive.archive.anchors.folders import read_file
from pywats_archive.archive.anchors.signing import Signer, is_signed

SIGNER = Signer(private_key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
UUID = "6f1f0a52-5b1e-4a8e-9c8a-0c9ad6a1c001"
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(timezone.utc))


def made(event: int = 1234, at: datetime = datetime(2026, 2, 13, 14, 30, 22, tzinfo=timezone.utc)) -> Anchor:
    return SIGNER.anchor(UUID, event, "ab" * 32, at)


ANCHORS = st.builds(made, st.integers(1, MOST_EVENTS), MOMENTS)


def test_the_line_is_as_documented() -> None:
    """Others can read it: names, order, and the text that is signed; docs/format.md has the same."""
    words = made().line.split(" ")
    assert words[0] == "pywats-archive-anchor-1"
    assert [word.partition("=")[0] for word in words[1:]] == ["archive", "event", "hash", "time", "key", "signature"]
    assert words[4] == "time=2026-02-13T14:30:22Z"
    assert made().signed.decode() == made().line.rpartition(" signature=")[0]


@given(ANCHORS)
def test_a_line_is_read_as_the_anchor_that_it_is(anchor: Anchor) -> None:
    """Whatever the number and the time: the same anchor, and its signature is good."""
    assert list(anchors_in(anchor.line)) == [anchor]
    assert is_signed(anchor)
    assert from_carried(anchor.carried(), UUID, {anchor.key_id: anchor.public_key}) == anchor


@given(
    st.lists(ANCHORS, min_size=1, max_size=3), st.integers(1, 100), st.sampled_from(["\n", "\r\n", "\n    ", "\n> "])
)
def test_a_mail_may_break_the_lines(anchors: list[Anchor], width: int, end: str) -> None:
    """A mail program that breaks lines, and text around the anchors, do no harm."""
    lines = (end.join(each.line[at : at + width] for at in range(0, len(each.line), width)) for each in anchors)
    assert list(anchors_in("Hello,\n\n" + "\n\nand\n".join(lines) + "\n\nRegards")) == anchors


@given(st.text())
def test_no_other_text_is_an_anchor(text: str) -> None:
    """Any text can be searched, and has none."""
    assert list(anchors_in(text)) == []
    assert list(anchors_in(f"pywats-archive-anchor-1 archive={text} event=1 hash=00 time=x key=y signature=z")) == []


@given(st.data())
def test_no_changed_letter_is_accepted(data: st.DataObject) -> None:
    """A line with another letter is no anchor, or has a wrong signature, unless only blanks changed."""
    line = made().line
    at = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda letter: letter != line[at]))
    for found in anchors_in(line[:at] + other + line[at + 1 :]):
        assert not is_signed(found)


@pytest.mark.parametrize("left", [b"", bytes(400), made().line[:100].encode(), made().line[:-1].encode()])
def test_what_a_power_cut_leaves_is_told_from_damage(left: bytes, tmp_path: Path) -> None:
    """A file without its end is one that was not written; a whole file with another content is a fault."""
    path = tmp_path / "20260213T143022Z_1234.anchor"
    path.write_bytes(left)
    assert read_file(path).anchors == () and read_file(path).fault is None
    path.write_bytes(b"something else\n")
    assert read_file(path).fault


def test_a_hostile_file_takes_no_time() -> None:
    """A text that begins like an anchor again and again are read in a moment."""
    rng = random.Random(1)
    for pattern in (
        "pywats-archive-anchor-1 archive=",
        made().line[:-3],
        "pywats-archive-anchor-1 archive=a \n event=1 ",
    ):
        began_s = time.process_time()
        text = "".join(pattern + " \n" * rng.randint(0, 5) for _ in range(200_000 // len(pattern)))
        assert all(not is_signed(each) for each in anchors_in(text))
        assert time.process_time() - began_s < 5
