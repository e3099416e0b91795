"""The ledger of one converter: in its archive, in memory if it has none, or in memory while the archive is away."""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp

log = structlog.get_logger()

TEMPORARY_IDS = itertools.count(-1, -1)
"""Negative ids for arrivals that are in no archive, unique over all ledgers; ids in an archive are positive."""

UNKNOWN_UNTIL_REATTACHED = ArrivalState.WAITING
"""Stands for an unknown state while the archive is away: the source is neither new nor finished."""

GONE_BEFORE = "gone before it could be archived"
"""The reason for a source that was seen and never archived."""
REPLACED_BEFORE = "replaced before it could be archived"


class Ledger(Protocol):
    """The sources of one converter and their states."""

    def latest_at(self, paths: Sequence[str]) -> dict[str, Arrival]:
        """Return the latest arrival at each of ``paths``, by path; paths without one are omitted."""

    def of_path(self, path: str) -> tuple[Arrival, ...]:
        """Return the latest arrivals at a path, newest first."""

    def enter(self, sightings: Sequence[Sighting]) -> tuple[Arrival, ...]:
        """Enter new sources as seen."""

    def get(self, arrival_id: int) -> Arrival | None:
        """Return an arrival in its current state; None when it is not known."""

    def suspended(self) -> tuple[Arrival, ...]:
        """Return the arrivals that wait for their retry."""

    def unfinished(self) -> tuple[Arrival, ...]:
        """Return the arrivals that are not finished, oldest first."""

    def change(
        self,
        arrival: Arrival,
        state: ArrivalState,
        *,
        reason: str | None = None,
        moved_to: str | None = None,
        kept_checksum: str | None = None,
        touched: FileStamp | None = None,
    ) -> None:
        """Change the state of an arrival."""

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        """Record that a source was gone, or replaced, before it could be archived."""


class ArchiveLedger:
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
        touched: FileStamp | None = None,
    ) -> None:
        ledger.set_arrival(
            self._archive,
            arrival.number,
            state,
            reason=reason,
            moved_to=moved_to,
            kept_checksum=kept_checksum,
            touched=touched,
        )

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        ledger.mark_vanished(self._archive, arrival, reason=reason)


class _InMemory(ABC):
    """What the ledgers in memory have in common."""

    def __init__(self, converter_name: str, *, clock: Callable[[], datetime]) -> None:
        self._name = converter_name
        self._now = clock

    @abstractmethod
    def put(self, arrival: Arrival) -> None:
        """Replace an arrival by its new version."""

    def change(
        self,
        arrival: Arrival,
        state: ArrivalState,
        *,
        reason: str | None = None,
        moved_to: str | None = None,
        kept_checksum: str | None = None,
        touched: FileStamp | None = None,
    ) -> None:
        changed = replace(arrival, state=state, reason=reason, moved_to=moved_to, changed_at=self._now())
        if touched:
            changed = replace(changed, size_bytes=touched.size_bytes, mtime_ns=touched.mtime_ns, inode=touched.inode)
        self.put(changed)

    def _arrival(self, sighting: Sighting, state: ArrivalState) -> Arrival:
        """Return an arrival that is in no archive."""
        now = self._now()
        return Arrival(
            arrival_id=next(TEMPORARY_IDS),
            converter_name=self._name,
            path=sighting.path,
            size_bytes=sighting.size_bytes,
            mtime_ns=sighting.mtime_ns,
            inode=sighting.inode,
            first_seen_at=now,
            state=state,
            changed_at=now,
        )


class MemoryLedger(_InMemory):
    """A ledger in memory, for a converter without an archive; it lasts as long as the service."""

    def __init__(self, converter_name: str, *, clock: Callable[[], datetime]) -> None:
        super().__init__(converter_name, clock=clock)
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
            new = tuple(self._arrival(each, ArrivalState.SEEN) for each in sightings)
            self._arrivals.update({arrival.number: arrival for arrival in new})
            return new

    def get(self, arrival_id: int) -> Arrival | None:
        with self._mutex:
            return self._arrivals.get(arrival_id)

    def suspended(self) -> tuple[Arrival, ...]:
        with self._mutex:
            return tuple(a for a in self._arrivals.values() if a.state is ArrivalState.SUSPENDED)

    def unfinished(self) -> tuple[Arrival, ...]:
        with self._mutex:
            return tuple(arrival for arrival in self._arrivals.values() if not arrival.state.is_final)

    def put(self, arrival: Arrival) -> None:
        """Replace an arrival by its new version; one whose source has left is forgotten."""
        with self._mutex:
            if arrival.state.is_final and arrival.moved_to:
                self._arrivals.pop(arrival.number, None)
            else:
                self._arrivals[arrival.number] = arrival

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        self.change(arrival, ArrivalState.VANISHED, reason=reason, moved_to="vanished")


def only_seen(known: Iterable[Arrival], *, changed: AbstractSet[str], active: AbstractSet[int]) -> tuple[Arrival, ...]:
    """Return the arrivals that were certainly only seen when the ledger was lost.

    ``changed``: paths whose arrival has changed since; ``active``: arrivals that are queued or being processed.
    """
    certain = (a for a in known if a.path not in changed and a.arrival_id not in active)
    return tuple(arrival for arrival in certain if arrival.state is ArrivalState.SEEN)


class AwayLedger(_InMemory):
    """A ledger in memory until the archive is back; for the service's own thread. New arrivals have negative numbers.

    A source that was in the watch folder when the archive went away may already be archived, converted and sent. A second
    conversion would send it under a second id, so it waits for the archive, whatever ``on_archive_error`` says. The
    exception is a source that was certainly only seen.
    """

    def __init__(self, converter_name: str, *, clock: Callable[[], datetime], seen: Iterable[Arrival] = ()) -> None:
        super().__init__(converter_name, clock=clock)
        self._latest = {arrival.path: arrival for arrival in seen}
        self._is_first = True
        self.vanished: list[Arrival] = []
        """Sources that came and vanished meanwhile; to be recorded when the archive is back."""

    def latest_at(self, paths: Sequence[str]) -> dict[str, Arrival]:
        """Return the arrivals known at ``paths``; at the first call these are all sources of the watch folder."""
        if self._is_first:
            self._is_first = False
            unknown = [path for path in paths if path not in self._latest]
            for path in unknown:
                self._latest[path] = self._arrival(
                    Sighting(path=path, size_bytes=0, mtime_ns=0), UNKNOWN_UNTIL_REATTACHED
                )
            log.warning("archive.sources_waiting", converter=self._name, sources_waiting_for_it=len(unknown))
        return {path: self._latest[path] for path in paths if path in self._latest}

    def of_path(self, path: str) -> tuple[Arrival, ...]:
        return tuple(self.latest_at([path]).values())

    def enter(self, sightings: Sequence[Sighting]) -> tuple[Arrival, ...]:
        new = tuple(self._arrival(sighting, ArrivalState.SEEN) for sighting in sightings)
        self._latest.update({arrival.path: arrival for arrival in new})
        return new

    def get(self, arrival_id: int) -> Arrival | None:
        return next((arrival for arrival in self._latest.values() if arrival.arrival_id == arrival_id), None)

    def suspended(self) -> tuple[Arrival, ...]:
        return ()

    def unfinished(self) -> tuple[Arrival, ...]:
        return ()

    def put(self, arrival: Arrival) -> None:
        if self._is_latest(arrival):
            self._latest[arrival.path] = arrival

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        """Forget a source that is gone; if the archive's ledger has it, the scan after its return records that."""
        if self._is_latest(arrival):
            self._latest.pop(arrival.path, None)
        if (arrival.arrival_id or 0) < 0:
            self.vanished.append(arrival)

    def _is_latest(self, arrival: Arrival) -> bool:
        latest = self._latest.get(arrival.path)
        return latest is None or latest.arrival_id == arrival.arrival_id
