"""A bag as a stream: a zip that is sent while it is made, so that no file of it stays on the station."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from pywats_archive.client.export.bag.bagging import Bagging
from pywats_archive.client.export.bag.container import State, ZipContainer
from pywats_archive.client.export.bag.page.figures import Figures
from pywats_archive.client.export.bag.payload import Payload
from pywats_archive.client.export.bag.work import Line
from pywats_archive.errors import StorageError

_AT_ONCE = 50
"""Entries whose export is recorded in one commit."""
_IN_MEMORY, _PIECE = 1 << 20, 1 << 16


class Streaming(Bagging):
    """Sends one bag. Memory is bounded: what one entry adds lies in a temporary file if it is large."""

    def pieces(self, ids: Sequence[str], now: datetime) -> Iterator[bytes]:
        """Yield the zip piece by piece; what cannot be read is left out, and named in its manifests."""
        try:
            with _Journal() as journal, _Window() as window:
                yield from self._written(ids, journal, window, now)
        except OSError as exc:
            raise StorageError(f"{self._order.name}: cannot be made ({exc.strerror or exc}); try again") from exc

    def _written(self, ids: Sequence[str], journal: _Journal, window: _Window, now: datetime) -> Iterator[bytes]:
        container, figures = _SentZip(cast(IO[bytes], window), self._order.name), Figures()
        payload, rest = Payload(container=container, order=self._order), iter(ids)
        while batch := list(islice(rest, _AT_ONCE)):
            self._record_entries(batch)
            for archive_id in batch:
                line = self._line(payload, archive_id)
                journal.append(line)
                self._count(figures, line)
                yield from window.fetched()
        self._complete(container, figures, journal.lines, now)
        container.close()
        yield from window.fetched()


class _SentZip(ZipContainer):
    """A zip of which nothing stays, so that nothing is made durable."""

    def sync(self) -> State:
        """Return that there is nothing to resume."""
        return {}

    def close(self) -> None:
        """Write the list of files."""
        self._zip.close()


class _Journal:
    """The finished entries, on disk once there are many."""

    def __init__(self) -> None:
        self._lines: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed at the end)

    def __enter__(self) -> _Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def append(self, line: Line) -> None:
        """Add a finished entry."""
        self._lines.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def lines(self) -> Iterator[Line]:
        """Stream the finished entries, once there are no more."""
        self._lines.seek(0)
        while line := self._lines.readline():
            yield json.loads(line)


class _Window(io.RawIOBase):
    """The end of a file that is being written: fetched bytes are gone, and cannot be rewritten."""

    def __init__(self) -> None:
        self._begin = 0
        self._rest: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed at the end)

    def close(self) -> None:
        """Remove what was not fetched."""
        self._rest.close()
        super().close()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._begin + self._rest.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = self._begin if whence == io.SEEK_SET else 0
        self._rest.seek(offset - begin, whence)
        return self.tell()

    def truncate(self, size: int | None = None) -> int:
        at = self.tell() if size is None else size
        self._rest.truncate(at - self._begin)
        return at

    def write(self, piece: Any, /) -> int:
        return self._rest.write(piece)

    def fetched(self) -> Iterator[bytes]:
        """Yield what was written since the last call."""
        self._rest.seek(0, io.SEEK_END)
        size = self._rest.tell()
        self._rest.seek(0)
        while piece := self._rest.read(_PIECE):
            yield piece
        self._rest.seek(0)
        self._rest.truncate()
        self._begin += size
