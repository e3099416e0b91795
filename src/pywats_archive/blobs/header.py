"""The gzip header of a blob: original name, time, and the entry itself as JSON in an extra field.

RFC 1952: ten fixed bytes, FEXTRA (one subfield, id ``PA``), FNAME. The JSON is ASCII, so that any file name
survives, and padded with blanks: its length is fixed before the content's checksum is known.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pywats_archive.errors import BlobDamaged

_MAGIC_DEFLATE = b"\x1f\x8b\x08"
_FEXTRA, _FNAME = 4, 8
_SUBFIELD = b"PA"
_UNKNOWN_SYSTEM = 255
_MAX_JSON_BYTES = 65_535 - 4
_MAX_MTIME_S = 0xFFFF_FFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What a blob says of itself: the name ``gzip -dN`` gives back, its time, and the metadata."""

    original_name: str
    mtime_s: int
    metadata: dict[str, Any]


def encode(label: Label, *, json_bytes: int = 0) -> bytes:
    """Build the header; ``json_bytes`` pads the JSON to that length, so that it can be written again in place."""
    text = json.dumps(label.metadata, separators=(",", ":")).encode("ascii").ljust(json_bytes)
    if len(text) > _MAX_JSON_BYTES:
        raise ValueError(f"metadata of {label.original_name!r} has {len(text)} bytes; a header holds 65 531")
    mtime = label.mtime_s if 0 <= label.mtime_s <= _MAX_MTIME_S else 0
    fixed = _MAGIC_DEFLATE + struct.pack("<BIBB", _FEXTRA | _FNAME, mtime, 0, _UNKNOWN_SYSTEM)
    extra = _SUBFIELD + struct.pack("<H", len(text)) + text
    return fixed + struct.pack("<H", len(extra)) + extra + os.fsencode(label.original_name) + b"\0"


def json_length(label: Label) -> int:
    """Give the bytes that this label's JSON takes."""
    return len(json.dumps(label.metadata, separators=(",", ":")))


def read_label(path: Path) -> Label:
    """Read what a blob says of itself; BlobDamaged when its header is not one of ours."""
    with path.open("rb") as stream:
        return _decode(stream, path)


def _decode(stream: BinaryIO, path: Path) -> Label:
    fixed = stream.read(12)
    if len(fixed) < 12 or fixed[:3] != _MAGIC_DEFLATE or fixed[3] != _FEXTRA | _FNAME:
        raise BlobDamaged(f"{path}: not a blob of this archive (no header); run 'pywats-archive verify'")
    (mtime,) = struct.unpack_from("<I", fixed, 4)
    (extra_length,) = struct.unpack_from("<H", fixed, 10)
    extra = stream.read(extra_length)
    name = stream.read(4096).split(b"\0", 1)[0]
    try:
        metadata = json.loads(extra[4:])
    except ValueError as exc:
        raise BlobDamaged(f"{path}: its header is damaged; run 'pywats-archive verify'") from exc
    return Label(original_name=os.fsdecode(name), mtime_s=mtime, metadata=metadata)
