"""A zip as pieces of bytes: each file is compressed as it is read, and nothing is kept but the list of names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

_LARGE = 1 << 30
"""Of a file that may be larger than this, the sizes get 64 bits."""
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=timezone.utc), datetime(2107, 12, 31, tzinfo=timezone.utc)
"""The times that a zip can hold."""


class _Sink(io.RawIOBase):
    """Takes what is written, until it is fetched; it cannot seek."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        taken = bytes(piece)  # type: ignore[call-overload]
        self._pieces.append(taken)
        return len(taken)

    def fetched(self) -> bytes:
        """Return what was written since the last call."""
        found, self._pieces = b"".join(self._pieces), []
        return found


class ZipStream:
    """A zip that is written file by file, and fetched piece by piece."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")

    def add(self, name: str, content: Iterable[bytes], *, size_bytes: int, modified: datetime) -> Iterator[bytes]:
        """Write a file of about this size; what ``content`` raises ends it, and is raised after it."""
        info = zipfile.ZipInfo(name, modified.timetuple()[:6] if _FIRST <= modified <= _LAST else (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        with self._zip.open(info, "w", force_zip64=size_bytes > _LARGE) as file:
            for piece in content:
                file.write(piece)
                if written := self._sink.fetched():
                    yield written

    def end(self) -> bytes:
        """Write the list of files, and return the rest of the bytes."""
        self._zip.close()
        return self._sink.fetched()
