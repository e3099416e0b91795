"""Accounts of a converter whose archive is away: what its ledger said last, and what came since, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

import structlog

from pywats_archive.archive.ledger import Sighting
from pywats_archive.archive.sources.reading import Signature
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.pipeline.lanes.ledgers import GONE_BEFORE, UNLEDGERED

log = structlog.get_logger()


def only_seen(known: Iterable[Arrival], *, changed: AbstractSet[str], active: AbstractSet[int]) -> tuple[Arrival, ...]:
    """Choose the arrivals of which the ledger's last word is certain, and is that they were seen and no more.

    ``changed`` are paths whose arrival has changed since, ``active`` the arrivals that are being handled.
    """
    certain = (a for a in known if a.path not in changed and a.arrival_id not in active)
    return tuple(arrival for arrival in certain if arrival.state is ArrivalState.SEEN)


class AwayBooks:
    """Accounts until the archive is back; new sources have negative numbers. For the service's own thread.

    A source that lay in the watch folder already when the archive was missed may have been archived, converted and sent,
    unless the ledger's last word was that it was only seen: converted once more, it would be sent under a second id. So it
    waits for the ledger, whatever ``on_archive_error`` says.
    """

    def __init__(self, converter_name: str, *, clock: Callable[[], datetime], seen: Iterable[Arrival] = ()) -> None:
        self._name = converter_name
        self._now = clock
        self._latest = {arrival.path: arrival for arrival in seen}
        self._is_first = True
        self.vanished: list[Arrival] = []
        """What came and went meanwhile; to be put on record."""

    def latest_at(self, paths: Sequence[str]) -> dict[str, Arrival]:
        """Give what is known at ``paths``; the first time they are all that lies in the watch folder."""
        if self._is_first:
            self._is_first = False
            untold = [path for path in paths if path not in self._latest]
            for path in untold:
                self._latest[path] = self._arrival(Sighting(path=path, size_bytes=0, mtime_ns=0), _UNTOLD)
            log.warning("archive.missed", converter=self._name, sources_waiting_for_it=len(untold))
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
        if self._is_latest(arrival):
            self._latest[arrival.path] = changed

    def mark_vanished(self, arrival: Arrival, *, reason: str = GONE_BEFORE) -> None:
        """Forget a source that is gone; one that the ledger knows is missed there when the archive is back."""
        if self._is_latest(arrival):
            self._latest.pop(arrival.path, None)
        if (arrival.arrival_id or 0) < 0:
            self.vanished.append(arrival)

    def _is_latest(self, arrival: Arrival) -> bool:
        latest = self._latest.get(arrival.path)
        return latest is None or latest.arrival_id == arrival.arrival_id

    def _arrival(self, sighting: Sighting, state: ArrivalState) -> Arrival:
        now = self._now()
        return Arrival(
            arrival_id=next(UNLEDGERED),
            converter_name=self._name,
            path=sighting.path,
            size_bytes=sighting.size_bytes,
            mtime_ns=sighting.mtime_ns,
            inode=sighting.inode,
            first_seen_at=now,
            state=state,
            changed_at=now,
        )


_UNTOLD = ArrivalState.WAITING
"""Stands for what only the ledger knows: neither new nor ended."""
