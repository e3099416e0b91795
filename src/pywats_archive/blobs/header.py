"""The gzip header of a blob: original name, time, and the blob's metadata as JSON in an extra field.

RFC 1952: ten fixed bytes, FEXTRA (one subfield, id ``PA``), FNAME. The JSON is ASCII, so that any file name survives, and
padded with blanks: its length is fixed before the content's checksum is known.

Its last keys are ``body_crc32``, the CRC-32 (hex) of all bytes after the header, and ``crc32``, that of the header itself
with eight zeros in its place. So every changed byte is found, even one that does not change the content.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pywats_archive.blobs.codec import crc32
from pywats_archive.errors import BlobDamaged, StorageError

ALGORITHM = "sha256"
_MAGIC_DEFLATE = b"\x1f\x8b\x08"
_FEXTRA, _FNAME = 4, 8
_SUBFIELD = b"PA"
_UNKNOWN_SYSTEM = 255
_MAX_JSON_BYTES = 65_535 - 4
_MAX_MTIME_S = 0xFFFF_FFFF
_MAX_NAME_BYTES = 4096
_XLEN_AT, _FIXED_BYTES, _JSON_AT = 10, 12, 16
_BODY, _SEAL, _UNSEALED = "body_crc32", "crc32", "00000000"
_SEAL_FROM_END = len(_UNSEALED) + 2
"""The seal's digits are followed by a quotation mark and a brace, then only by blanks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What a blob says about itself: the name that ``gzip -dN`` restores, its time, and the metadata."""

    original_name: str
    mtime_s: int
    metadata: dict[str, Any]
    """The JSON; the keys ``body_crc32`` and ``crc32`` are the header's own."""
    body_crc32: int | None = None
    """Of all bytes after the header; only set in a label that was read."""
    header_bytes: int = 0
    is_sealed: bool = False
    """Whether the header has its own checksum (those of the first archives did not)."""

    @property
    def checksum(self) -> str:
        """The content's checksum with the name of its algorithm; KeyError if the metadata has none."""
        return checksum_in(self.metadata)


def checksum_in(metadata: Mapping[str, Any]) -> str:
    """Return the content's checksum, with the name of its algorithm, from a blob's metadata; KeyError."""
    return f"{ALGORITHM}:{metadata['sha256']}"


def encode(label: Label, *, body_crc32: int, json_bytes: int = 0, spare_bytes: int = 0) -> bytes:
    """Return the header; ``json_bytes`` pads the JSON to that length, so that it can be rewritten in place.

    Without ``json_bytes``, the JSON has ``spare_bytes`` for a label that grows. StorageError if the JSON is longer.
    """
    json_text = _json(label, body_crc32)
    if 0 < json_bytes < len(json_text):  # it would overwrite the content
        raise StorageError(
            f"{label.original_name[:200]!a}: its metadata has {len(json_text)} bytes, and there is room for {json_bytes}"
        )
    text = json_text.ljust(json_bytes or len(json_text) + spare_bytes)
    if len(text) > _MAX_JSON_BYTES:
        raise StorageError(
            f"{label.original_name[:200]!a}: its path, version or id is too long: its metadata has {len(text)} bytes, "
            "and a blob's header holds 65,531"
        )
    mtime = label.mtime_s if 0 <= label.mtime_s <= _MAX_MTIME_S else 0
    fixed = _MAGIC_DEFLATE + struct.pack("<BIBB", _FEXTRA | _FNAME, mtime, 0, _UNKNOWN_SYSTEM)
    extra = _SUBFIELD + struct.pack("<H", len(text)) + text
    unsealed = fixed + struct.pack("<H", len(extra)) + extra + os.fsencode(label.original_name) + b"\0"
    return _sealed(unsealed, _JSON_AT + len(json_text) - _SEAL_FROM_END, _digits(unsealed))


def json_room(header: bytes) -> int:
    """Return the length of the JSON in a header, with its blanks."""
    (extra_length,) = struct.unpack_from("<H", header, _XLEN_AT)
    return int(extra_length) - 4


def json_length(label: Label) -> int:
    """Return the length of this label's JSON in bytes."""
    return len(_json(label, 0))


def _json(label: Label, body_crc32: int) -> bytes:
    import orjson  # noqa: PLC0415 (only an archive that is written to needs it)

    whole = {**label.metadata, _BODY: f"{body_crc32:08x}", _SEAL: _UNSEALED}
    with suppress(TypeError):  # a file name that is not Unicode
        text = orjson.dumps(whole)
        if text.isascii():
            return text
    return json.dumps(whole, separators=(",", ":")).encode("ascii")


def _digits(unsealed: bytes) -> bytes:
    return b"%08x" % crc32(unsealed)


def _sealed(header: bytes, at: int, digits: bytes) -> bytes:
    return header[:at] + digits + header[at + len(digits) :]


def read_label(stream: BinaryIO, path: Path) -> Label:
    """Read the label at the beginning of a blob; BlobDamaged if its header is damaged or not an archive's."""
    try:
        return _decode(stream)
    except (ValueError, struct.error) as exc:
        raise BlobDamaged(f"{path}: its header is damaged ({exc}); restore this file from a backup") from exc


def _decode(stream: BinaryIO) -> Label:
    fixed = stream.read(_FIXED_BYTES)
    if len(fixed) < _FIXED_BYTES or fixed[:3] != _MAGIC_DEFLATE or fixed[3] != _FEXTRA | _FNAME:
        raise ValueError("it does not begin like an archive's blob")
    (mtime,) = struct.unpack_from("<I", fixed, 4)
    (extra_length,) = struct.unpack_from("<H", fixed, _XLEN_AT)
    extra = stream.read(extra_length)
    name, end, _ = stream.read(_MAX_NAME_BYTES).partition(b"\0")
    metadata = json.loads(extra[4:])
    if not end or not isinstance(metadata, dict):
        raise ValueError("its end is missing")
    body, seal = metadata.pop(_BODY, None), metadata.pop(_SEAL, None)
    if seal is not None:
        _check_seal(fixed + extra + name + end, _FIXED_BYTES + len(extra.rstrip(b" ")) - _SEAL_FROM_END)
    return Label(
        original_name=os.fsdecode(name),
        mtime_s=mtime,
        metadata=metadata,
        body_crc32=int(body, 16) if body else None,
        header_bytes=len(fixed) + len(extra) + len(name) + len(end),
        is_sealed=seal is not None,
    )


def _check_seal(header: bytes, at: int) -> None:
    unsealed = _sealed(header, at, _UNSEALED.encode())
    if _sealed(unsealed, at, _digits(unsealed)) != header:
        raise ValueError("its own checksum does not match")
