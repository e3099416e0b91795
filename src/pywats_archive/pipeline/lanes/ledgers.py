"""Where a converter's sources are accounted for: in its archive's ledger, or in memory when it has no archive."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources.reading import Signature
from pywats_archive.models.arrival import Arrival, ArrivalState

UNLEDGERED = itertools.count(-1, -1)
"""Numbers of arrivals that no ledger has, of all books: those of a ledger are positive."""

GONE_BEFORE = "gone before it could be archived"
"""Why a source that was seen was never taken."""
REPLACED_BEFORE = "replaced before it could be archived"


class Books(Protocol):
    """The accounts of one converter."""

    def latest_at(self, paths: Sequence[str]) -> dict[str, Arrival]:
        """Give the latest arrival at each of ``paths`` where there is one."""

    def of_path(self, path: str) -> tuple[Arrival, ...]:
        """Return the latest arrivals at a path, newest first."""

    def enter(self, sightings: Sequence[Sighting]) -> tuple[Arrival, ...]:
        """Enter new sources as seen."""

    def get(self, arrival_id: int) -> Arrival | None:
        """Give an arrival as it is now; None when it is forgotten."""

    def suspended(self) -> tuple[Arrival, ...]:
        """Give the arrivals that wait for their retry."""

    def unfinished(self) -> tuple[Arrival, ...]:
        """Give the arrivals there is still something to do for, oldest first."""

    def change(
        self,
        arrival: Arrival,
        state: ArrivalState,
        *,
        reason: str | None = None,
        moved_to: str | None = None,
        kept_checksum: str | None = None,
        touched: Signature | None = None,
    ) -> None:
        """Bring an arrival to another state."""

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        """Put on record that a source was gone, or replaced, before it could be archived."""


class ArchiveBooks:
    """The ledger of an archive, for one of its converters."""

    def __init__(self, archive: Archive, converter_name: str) -> None:
        self._archive = archive
        self._name = converter_name

    def latest_at(self, paths: Sequence[str]) -> dict[str, Arrival]:
        return ledger.latest_at(self._archive, self._name, paths)

    def of_path(self, path: str) -> tuple[Arrival, ...]:
        return ledger.of_path(self._archive, self._name, path)

    def enter(self, sightings: Sequence[Sighting]) -> tuple[Arrival, ...]:
        return ledger.enter(self._archive, self._name, sightings)

    def suspended(self) -> tuple[Arrival, ...]:
        return ledger.suspended(self._archive, self._name)

    def get(self, arrival_id: int) -> Arrival | None:
        return ledger.find(self._archive, arrival_id)

    def unfinished(self) -> tuple[Arrival, ...]:
        return ledger.unfinished(self._archive, self._name)

    def change(
        self,
        arrival: Arrival,
        state: ArrivalState,
        *,
        reason: str | None = None,
        moved_to: str | None = None,
        kept_checksum: str | None = None,
        touched: Signature | None = None,
    ) -> None:
        number, kept = arrival.number, kept_checksum
        conversions.set_arrival(
            self._archive, number, state, reason=reason, moved_to=moved_to, kept_checksum=kept, touched=touched
        )

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        ledger.mark_vanished(self._archive, arrival, reason=reason)


class MemoryBooks:
    """Accounts that last as long as the service: nothing of an archive is touched."""

    def __init__(self, converter_name: str, *, clock: Callable[[], datetime]) -> None:
        self._name = converter_name
        self._now = clock
        self._arrivals: dict[int, Arrival] = {}
        self._mutex = threading.Lock()

    def latest_at(self, paths: Sequence[str]) -> dict[str, Arrival]:
        with self._mutex:
            latest = {arrival.path: arrival for arrival in self._arrivals.values()}
        return {path: latest[path] for path in paths if path in latest}

    def of_path(self, path: str) -> tuple[Arrival, ...]:
        with self._mutex:
            return tuple(arrival for arrival in reversed(self._arrivals.values()) if arrival.path == path)

    def enter(self, sightings: Sequence[Sighting]) -> tuple[Arrival, ...]:
        with self._mutex:
            new = tuple(self._new(sighting) for sighting in sightings)
            self._arrivals.update({arrival.number: arrival for arrival in new})
            return new

    def _new(self, sighting: Sighting) -> Arrival:
        now = self._now()
        return Arrival(
            arrival_id=next(UNLEDGERED),
            converter_name=self._name,
            path=sighting.path,
            size_bytes=sighting.size_bytes,
            mtime_ns=sighting.mtime_ns,
            inode=sighting.inode,
            first_seen_at=now,
            state=ArrivalState.SEEN,
            changed_at=now,
        )

    def get(self, arrival_id: int) -> Arrival | None:
        with self._mutex:
            return self._arrivals.get(arrival_id)

    def suspended(self) -> tuple[Arrival, ...]:
        with self._mutex:
            return tuple(a for a in self._arrivals.values() if a.state is ArrivalState.SUSPENDED)

    def unfinished(self) -> tuple[Arrival, ...]:
        with self._mutex:
            return tuple(arrival for arrival in self._arrivals.values() if not arrival.state.is_final)

    def keep(self, arrival: Arrival) -> None:
        """Replace an arrival by what it has become; one whose source has left is forgotten."""
        with self._mutex:
            if arrival.state.is_final and arrival.moved_to:
                self._arrivals.pop(arrival.number, None)
            else:
                self._arrivals[arrival.number] = arrival

    def change(
        self,
        arrival: Arrival,
        state: ArrivalState,
        *,
        reason: str | None = None,
        moved_to: str | None = None,
        kept_checksum: str | None = None,
        touched: Signature | None = None,
    ) -> None:
        changed = replace(arrival, state=state, reason=reason, moved_to=moved_to, changed_at=self._now())
        if touched:
            changed = replace(changed, size_bytes=touched.size_bytes, mtime_ns=touched.mtime_ns, inode=touched.inode)
        self.keep(changed)

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        self.change(arrival, ArrivalState.VANISHED, reason=reason, moved_to="vanished")
