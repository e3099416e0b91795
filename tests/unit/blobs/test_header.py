"""Headers: what they say comes back, and any changed byte is told."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.blobs.header import Label, encode, json_length, read_label
from pywats_archive.errors import BlobDamaged

HERE = Path("blob.gz")
_KEYS = st.text(max_size=9).filter(lambda key: key not in {"crc32", "body_crc32"})
_NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=80)


@pytest.mark.long
@given(name=_NAMES, told=st.dictionaries(_KEYS, st.text() | st.integers()), room=st.integers(0, 40))
def test_what_a_header_says_comes_back(name: str, told: dict[str, object], room: int) -> None:
    """Name, time and metadata come back equal, with the length and both checksums, padded or not."""
    label = Label(original_name=name, mtime_s=7, metadata=told)
    header = encode(label, body_crc32=0xCAFE, json_bytes=json_length(label) + room)
    back = read_label(io.BytesIO(header + b"body"), HERE)
    assert (back.original_name, back.mtime_s, back.metadata) == (name, 7, told)
    assert header[16 : 16 + struct.unpack_from("<H", header, 14)[0]].isascii()
    assert (back.body_crc32, back.header_bytes, back.is_sealed) == (0xCAFE, len(header), True)


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_is_told_or_leaves_no_seal(bit: int) -> None:
    """A flip of any bit of a header is BlobDamaged; one in the seal's own key leaves a header without one."""
    header = encode(Label(original_name="a.csv", mtime_s=7, metadata={"k": "v"}), body_crc32=1, json_bytes=80)
    for at in range(len(header)):
        flipped = header[:at] + bytes([header[at] ^ (1 << bit)]) + header[at + 1 :]
        try:
            assert not read_label(io.BytesIO(flipped), HERE).is_sealed
        except BlobDamaged as exc:
            assert "blob.gz" in str(exc)


def test_a_header_of_the_first_archives_is_read() -> None:
    """A header without checksums is read as it is, and known to be unsealed."""
    text = json.dumps({"kind": "source"}).encode()
    extra = b"PA" + struct.pack("<H", len(text)) + text
    old = b"\x1f\x8b\x08" + struct.pack("<BIBB", 12, 7, 0, 255) + struct.pack("<H", len(extra)) + extra + b"a.csv\0"
    label = read_label(io.BytesIO(old), HERE)
    assert (label.metadata, label.is_sealed, label.body_crc32) == ({"kind": "source"}, False, None)
