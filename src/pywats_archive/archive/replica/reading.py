"""Reads the next part of a history, as of one moment."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.replica.naming import Named, Numbers, blobs_of, events_after, numbers_with
from pywats_archive.archive.replica.portion import FILES, MISSING, PURGED, Place, Portion
from pywats_archive.catalog import exporting
from pywats_archive.catalog.engine import HEAD, Connection
from pywats_archive.catalog.row_check import one_moment
from pywats_archive.errors import StorageError

_MOST_EVENTS = 5000
_MARGIN_S = 120
"""How much earlier than the portion before a file may have changed, by clocks that differ, to be taken again."""
_LEVEL = 6


def next_portion(archive: Archive, place: Place, *, limit_bytes: int, last: int | None = None) -> Portion | None:
    """Read the events after a place, up to about ``limit_bytes``; None if there are none.

    With ``last`` they end with exactly this event; blobs for which there is no room stay apart.
    """
    with archive.read() as db, one_moment(db):
        taken = _Taken(archive, db, place, limit_bytes, last)
        if place.last == 0:
            taken.add_blobs((False, (path,)) for path in archive.blobs.paths(layout.CONVERTERS))
        for row in events_after(db, place.last):
            if not taken.add(row):
                break
        return taken.portion(_changed_files(archive.root, place.at))


def _changed_files(root: Path, since: datetime | None) -> tuple[str, ...]:
    """Return the files beside the blobs that changed since a moment, in the order of their names."""
    least_s = since.timestamp() - _MARGIN_S if since else 0.0
    found = (path for pattern in FILES for path in root.glob(pattern))
    changed = (path for path in found if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= least_s)
    return tuple(sorted(path.relative_to(root).as_posix() for path in changed))


class _Taken:
    """What was taken so far."""

    def __init__(
        self, archive: Archive, db: Connection, place: Place, limit_bytes: int, last: int | None = None
    ) -> None:
        self._archive = archive
        self._db = db
        self._numbers: Numbers = place.entry_no, place.report_no
        self._limit_bytes = limit_bytes
        self._last = last
        self._bytes = 0
        self._entries = 0
        self._events: list[Sequence[Any]] = []
        self._keys: dict[tuple[str, str], None] = {}
        self._erased: dict[int, Sequence[Any]] = {}
        """Earlier events whose texts were erased, as they are now."""
        self._blobs: dict[str, None] = {}
        self._apart: dict[str, None] = {}
        self._absent: dict[str, str] = {}

    def add(self, event: Sequence[Any]) -> bool:
        """Add an event with its rows and blobs, unless there is no room; returns whether it was added."""
        named = list(blobs_of(self._db, event, self._numbers))
        size = (
            len(str(event[5])) + len(str(event[6])) + sum(self._size(path) or 0 for _, paths in named for path in paths)
        )
        if self._is_full(event, size):
            return False
        self._events.append(event)
        self._bytes += len(str(event[5])) + len(str(event[6]))
        for table, key in exporting.bound_keys(event[6]):
            self._keys[table.name, key] = None
            self._entries += table.name == "archive_entries" and int(key) > self._numbers[0]
            self._numbers = numbers_with(self._numbers, table.name, key)
        self._erased |= {row[0]: row for row in exporting.erased_by(self._db, event)}
        self.add_blobs(named)
        return True

    def _is_full(self, event: Sequence[Any], size: int) -> bool:
        if self._last is not None:
            return bool(event[0] > self._last)
        return bool(self._events) and (self._bytes + size > self._limit_bytes or len(self._events) == _MOST_EVENTS)

    def add_blobs(self, named: Iterable[Named]) -> None:
        """Add blobs; those for which there is no room stay apart."""
        for is_purged, paths in named:
            for path in paths:
                size = self._size(path)
                if size is None:
                    self._absent[path] = PURGED if is_purged else MISSING
                elif path not in self._blobs:
                    is_small = size <= self._limit_bytes - self._bytes
                    (self._blobs if is_small else self._apart)[path] = None
                    self._bytes += size if is_small else 0

    def portion(self, files: tuple[str, ...]) -> Portion | None:
        """Return all that was taken; None if there is no event."""
        chain = exporting.chain_of(self._db)
        if not self._events or chain is None:
            return None
        first, last = self._events[0], self._events[-1]
        return Portion(
            chain=chain,
            first=first[0],
            last=last[0],
            previous_hash=first[7],
            hash=last[8],
            begun_at=datetime.fromisoformat(first[2]),
            ended_at=datetime.fromisoformat(last[2]),
            entries=self._entries,
            entry_no=self._numbers[0],
            report_no=self._numbers[1],
            rows=_compressed(self._lines()),
            files=files,
            blobs=tuple(self._blobs),
            apart=tuple(self._apart),
            absent=self._absent,
            tables=HEAD,
        )

    def _lines(self) -> Iterator[bytes]:
        own = {event[0] for event in self._events}
        for event in self._events:
            yield exporting.event_line(event)
        for number in sorted(self._erased.keys() - own):
            yield exporting.event_line(self._erased[number])
        for name, key in self._keys:
            yield exporting.row_line(self._db, exporting.TABLES[name], key)

    def _size(self, path: str) -> int | None:
        """Return the size of a blob; None if it is not here."""
        try:
            return self._archive.blobs.stored_size(path)
        except (StorageError, OSError):
            return None


def _compressed(lines: Iterable[bytes]) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_LEVEL, mtime=0, filename="") as packed:
        for line in lines:
            packed.write(line)
    return stream.getvalue()
