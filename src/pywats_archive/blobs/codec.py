"""Deflate at levels 1–9, each at most 3 % larger than zlib's of that level, at a fraction of its time."""

from __future__ import annotations

from typing import Protocol

from isal import isal_zlib
from zlib_ng import zlib_ng

RAW_DEFLATE = -15
FASTEST_LEVEL = 1


class Compressor(Protocol):
    """A running compression."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


_LEVELS = {
    1: (isal_zlib, 1),
    2: (isal_zlib, 2),
    3: (zlib_ng, 3),
    4: (zlib_ng, 4),
    5: (zlib_ng, 5),
    6: (zlib_ng, 6),
    7: (zlib_ng, 7),
    8: (zlib_ng, 9),
    9: (zlib_ng, 8),
}
"""The library and level for each of our levels, measured on logs and reports ('make bench' shows it).

zlib-ng's 8 compresses harder than its 9, so the last two are swapped.
"""


def compressor(level: int) -> Compressor:
    """Return a raw deflate stream at ``level`` (1 fastest, 9 smallest)."""
    library, its_level = _LEVELS[level]
    stream: Compressor = library.compressobj(its_level, wbits=RAW_DEFLATE)
    return stream


def compress(data: bytes, level: int) -> bytes:
    """Return the raw deflate stream of ``data``."""
    library, its_level = _LEVELS[level]
    packed: bytes = library.compress(data, its_level, wbits=RAW_DEFLATE)
    return packed


def crc32(data: bytes, value: int = 0) -> int:
    """Return the CRC-32 continued over ``data``."""
    return int(isal_zlib.crc32(data, value))
