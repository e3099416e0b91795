"""Opens a segment, whole or by the parts that are needed."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import BinaryIO

from pywats_archive.errors import SegmentDamaged
from pywats_archive.replication.segment.description import NAME, ROWS, SegmentDescription, parse

_TAIL_BYTES = 128 * 1024
"""How much of the end is read at once: the directory of about a thousand blobs, and the description."""
_PIECE_BYTES = 128 * 1024
"""How much of the rows is decompressed at once; Python decompresses 8 kB before 3.12."""
_DESCRIPTION_BYTES = 16 * 1024
"""How much is read before a directory that is longer than that."""
_MOST_BYTES = 64 * 1024 * 1024
"""How long a line of the rows, and the description, may be."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, NotImplementedError, RuntimeError)
ODD_LINE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""Errors of a line of the rows that no archive wrote."""


class Segment:
    """An open segment; SegmentDamaged, which names it, if a part of it is not readable."""

    def __init__(self, stream: BinaryIO, size_bytes: int, where: str) -> None:
        self.where = where
        self._stream = stream
        try:
            self._zip = zipfile.ZipFile(stream)
        except _DAMAGE as exc:
            raise self._damaged(exc) from exc
        members = self._zip.infolist()
        is_stored = all(each.compress_type == zipfile.ZIP_STORED for each in members)
        if not is_stored or sum(each.file_size for each in members) > size_bytes:
            raise SegmentDamaged(f"{where}: is not a segment: its files would be larger than it is itself")

    @cached_property
    def description(self) -> SegmentDescription:
        """What the segment says about itself."""
        content = self.read(NAME)
        if len(content) > _MOST_BYTES:
            raise SegmentDamaged(f"{self.where}: its {NAME} is larger than {_MOST_BYTES} bytes")
        return parse(content, self.where)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths in the archive of all that it holds, in their order."""
        return tuple(name for name in self._zip.namelist() if name not in (NAME, ROWS))

    def read(self, path: str) -> bytes:
        """Return one file, checked against the CRC of the ZIP."""
        try:
            if isinstance(self._stream, RangedFile):
                member = self._zip.getinfo(path)
                self._stream.fetch_ahead(member.header_offset, len(member.FileHeader()) + member.compress_size)
            return self._zip.read(path)
        except _DAMAGE as exc:
            raise self._damaged(exc) from exc

    def rows(self, *, most_bytes: int | None = None) -> Iterator[bytes]:
        """Stream the lines of events and rows; ``most_bytes``: how long they may be together, compressed or not."""
        try:
            if most_bytes is not None and self._zip.getinfo(ROWS).file_size > most_bytes:
                raise self._too_long(most_bytes)
            length = 0
            packed = gzip.GzipFile(fileobj=io.BytesIO(self.read(ROWS)))
            with io.BufferedReader(packed, _PIECE_BYTES) as lines:
                while line := lines.readline(_MOST_BYTES + 1):
                    if len(line) > _MOST_BYTES:
                        raise SegmentDamaged(f"{self.where}: a line of its rows is larger than {_MOST_BYTES} bytes")
                    length += len(line)
                    if most_bytes is not None and length > most_bytes:
                        raise self._too_long(most_bytes)
                    yield line
        except _DAMAGE as exc:
            raise self._damaged(exc) from exc

    def _too_long(self, most_bytes: int) -> SegmentDamaged:
        return SegmentDamaged(f"{self.where}: its rows are larger than {most_bytes} bytes")

    def _damaged(self, exc: Exception) -> SegmentDamaged:
        return SegmentDamaged(f"{self.where}: is damaged ({exc})")


def opened(content: bytes, where: str) -> Segment:
    """Open a segment that is in memory."""
    return Segment(io.BytesIO(content), len(content), where)


class RangedFile(io.RawIOBase):
    """An object in a vault as a file: only the parts that are read are fetched, and its end once."""

    def __init__(self, fetch: Callable[[int, int], bytes], size_bytes: int) -> None:
        """``fetch`` returns a part: from where on, and how many bytes."""
        super().__init__()
        self._fetch = fetch
        self._size = size_bytes
        tail_at = max(0, size_bytes - _TAIL_BYTES)
        self._parts = [(tail_at, fetch(tail_at, size_bytes - tail_at))]
        """Where each part begins that was fetched: the end, and what was fetched ahead."""
        self._place = 0

    def fetch_ahead(self, start: int, length: int) -> None:
        """Fetch a part with one request, unless it was fetched before; the part before is forgotten."""
        if self._found(start, min(self._size, start + length)) is None:
            self._parts[1:] = [(start, self._fetch(start, length))]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(0, {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence] + offset)
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes, with one fetch at most."""
        end = self._size if size < 0 else min(self._size, self._place + size)
        if self._place >= end:
            return b""
        found = self._found(self._place, end)
        if found is None and end > self._parts[0][0]:
            self._extend_end()
            found = self._found(self._place, end)
        if found is None:
            found = self._fetch(self._place, end - self._place)
        self._place += len(found)
        return found

    def _extend_end(self) -> None:
        """Fetch the rest of the directory, and the description before it, with one request."""
        tail_at, tail = self._parts[0]
        start = max(0, self._place - _DESCRIPTION_BYTES)
        self._parts[0] = (start, self._fetch(start, tail_at - start) + tail)

    def _found(self, start: int, end: int) -> bytes | None:
        """Return a part that was fetched; None if it was not."""
        for at, part in self._parts:
            if at <= start and end <= at + len(part):
                return part[start - at : end - at]
        return None


def ranged(fetch: Callable[[int, int], bytes], size_bytes: int, where: str) -> Segment:
    """Open a segment; only the parts that are read are fetched."""
    return Segment(RangedFile(fetch, size_bytes), size_bytes, where)  # type: ignore[arg-type]
