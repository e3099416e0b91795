"""A blob being written to a file: compressed, hashed and counted, with space for its header reserved in time."""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from pywats_archive.blobs import header
from pywats_archive.blobs.codec import compress, compressor, crc32
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.temporary import MEMORY_BYTES, TemporaryFile

TRAILER = struct.Struct("<II")
"""The end of a gzip file: CRC-32 and size of the content, modulo 2³²."""
_SPARE_BYTES = 6
"""Room in the header of a small blob for a label that grows with its next name: the number of a companion, up to 999,999."""


class Writing:
    """A blob being written; space for its header is reserved when its first bytes must leave memory."""

    def __init__(self, file: TemporaryFile, draft: Callable[[], Label]) -> None:
        self._file = file
        self._draft = draft
        self._room = 0
        self._body_crc = 0
        self.is_reserved = False
        """Whether the file already begins with space for the header."""

    def compress(self, chunks: Iterable[bytes], level: int) -> tuple[str, int]:
        """Compress all chunks; returns SHA-256 (hex) and size of the content."""
        following = iter(chunks)
        first, second = next(following, b""), next(following, None)
        if second is None and len(first) <= MEMORY_BYTES // 2:  # incompressible data grows a little
            return self._compress_at_once(first, level)
        rest = () if second is None else itertools.chain((second,), following)
        return self._compress_in_steps(itertools.chain((first,), rest), level)

    def _compress_at_once(self, data: bytes, level: int) -> tuple[str, int]:
        self._append(compress(data, level) + _trailer(crc32(data), len(data)))
        return hashlib.sha256(data).hexdigest(), len(data)

    def _compress_in_steps(self, chunks: Iterable[bytes], level: int) -> tuple[str, int]:
        stream, crc, size = compressor(level), 0, 0
        draft = self._draft()
        self._room, self.is_reserved = header.json_length(draft), True
        self._file.reserve(header.encode(draft, body_crc32=0, json_bytes=self._room))
        with _Hashing() as hashing:
            for chunk in chunks:
                hashing.add(chunk)
                crc = crc32(chunk, crc)
                size += len(chunk)
                self._append(stream.compress(chunk))
        self._append(stream.flush() + _trailer(crc, size))
        return hashing.digest.hexdigest(), size

    def _append(self, data: bytes) -> None:
        self._body_crc = crc32(data, self._body_crc)
        self._file.write(data)

    def header(self, label: Label) -> bytes:
        """Return the header for what was compressed; the headers of further labels have the same length."""
        encoded = header.encode(label, body_crc32=self._body_crc, json_bytes=self._room, spare_bytes=_SPARE_BYTES)
        self._room = self._room or header.json_room(encoded)
        return encoded


class _Hashing:
    """SHA-256 in a thread beside the compression, which takes longer; at most one chunk behind."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def add(self, chunk: bytes) -> None:
        if self._last:
            self._last.result()
        self._last = self._thread.submit(self.digest.update, chunk)

    def __enter__(self) -> _Hashing:
        return self

    def __exit__(self, *unused: object) -> None:
        self._thread.shutdown()


def _trailer(crc: int, size: int) -> bytes:
    return TRAILER.pack(crc, size & 0xFFFF_FFFF)
