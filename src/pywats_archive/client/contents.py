"""Archived bytes as files that a program reads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any


class _Chunks(io.RawIOBase):
    """Chunks as a raw stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Let go of what the chunks come from."""
        self._chunks = iter(())
        super().close()

    def readinto(self, target: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def stream(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Return chunks as a binary file for reading; what a chunk raises, its ``read`` raises."""
    return io.BufferedReader(_Chunks(chunks), buffer_size=1 << 16)
