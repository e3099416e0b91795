"""The ledger: every source that was seen in a watch folder, each in exactly one state (invariant 12)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import arrival_figures, arrivals, entries, entry_pages, events, ledger_checks, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.operation.whereabouts import Whereabouts
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState

_PAGE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """A source in a watch folder, as a listing shows it."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """How many sources arrived for one converter on one day, and what became of them."""

    converter_name: str
    """The converter."""
    day: date
    """The day of arrival: a UTC day, or a local one among the last days of a station."""
    came_in: int
    """Number of sources that arrived."""
    by_state: dict[str, int]
    """Number of sources in each state; together they are ``came_in``."""


def enter(archive: Archive, converter_name: str, sightings: Sequence[Sighting]) -> tuple[Arrival, ...]:
    """Enter new sightings in state SEEN, in one commit; returns their rows."""
    now = archive.now()
    new = [
        Arrival(
            converter_name=converter_name,
            path=sighting.path,
            size_bytes=sighting.size_bytes,
            mtime_ns=sighting.mtime_ns,
            inode=sighting.inode,
            first_seen_at=now,
            state=ArrivalState.SEEN,
            changed_at=now,
        )
        for sighting in sightings
    ]
    numbers = archive.write(lambda tx: arrivals.add_many(tx, new))
    return tuple(replace(arrival, arrival_id=number) for arrival, number in zip(new, numbers, strict=True))


def latest_at(archive: Archive, converter_name: str, paths: Sequence[str]) -> dict[str, Arrival]:
    """Return a converter's latest arrival at each of ``paths`` that has one."""
    with archive.read() as db:
        found = ((path, arrivals.latest_at_path(db, converter_name, path)) for path in paths)
        return {path: arrival for path, arrival in found if arrival}


def of_path(archive: Archive, converter_name: str, path: str) -> tuple[Arrival, ...]:
    """Return the latest arrivals of a converter at a path, newest first."""
    with archive.read() as db:
        return arrivals.of_path(db, converter_name, path)


def get(archive: Archive, arrival_id: int) -> Arrival:
    """Return one row of the ledger."""
    with archive.read() as db:
        return arrivals.get(db, arrival_id)


def find(archive: Archive, arrival_id: int | None) -> Arrival | None:
    """Return one row of the ledger, if it exists."""
    with archive.read() as db:
        return arrivals.find(db, arrival_id) if arrival_id is not None else None


def of_entry(archive: Archive, archive_id: str) -> Arrival | None:
    """Return the arrival that an entry came from."""
    with archive.read() as db:
        return arrivals.of_entry(db, archive_id)


def departed_to(archive: Archive, archive_id: str) -> tuple[str, ...]:
    """Return the paths to which sources of an entry were moved, unless another entry's source was moved there later."""
    with archive.read() as db:
        places = arrivals.moved_to(db, archive_id)
        return tuple(place for place in places if arrivals.latest_moved_to(db, place) == archive_id)


def unfinished(archive: Archive, converter_name: str | None = None) -> tuple[Arrival, ...]:
    """Return the unfinished arrivals, oldest first."""
    with archive.read() as db:
        return arrivals.unfinished(db, converter_name)


def unfinished_before(archive: Archive, arrival: Arrival) -> Arrival | None:
    """Return the latest earlier arrival of the same file that is unfinished, if there is one."""
    with archive.read() as db:
        return arrivals.unfinished_before(db, arrival)


def unfinished_outside(archive: Archive, folders: Mapping[str, str]) -> tuple[Arrival, ...]:
    """Return the unfinished arrivals outside of their converter's folder; all of a converter without a folder."""
    with archive.read() as db:
        names = arrivals.converter_names(db)
        return tuple(a for name in names for a in arrivals.unfinished_outside(db, name, folders.get(name, "")))


def unfinished_count(archive: Archive) -> int:
    """Count the unfinished sources, archived or not."""
    with archive.read() as db:
        return sum(arrival_figures.open_counts(db).values())


def unfinished_counts(archive: Archive) -> dict[str, int]:
    """Count the archived sources that are unfinished, by converter."""
    with archive.read() as db:
        return arrivals.unfinished_counts(db)


def converter_names(archive: Archive) -> tuple[str, ...]:
    """Return the names of all converters that have arrivals, in order."""
    with archive.read() as db:
        return arrivals.converter_names(db)


def is_any_waiting(archive: Archive) -> bool:
    """Whether archived sources are unfinished, or reports wait for the server."""
    with archive.read() as db:
        return bool(arrivals.unfinished_counts(db)) or reports.waiting_count(db) > 0


def recently_departed(
    archive: Archive, converter_name: str, *, within: timedelta
) -> tuple[tuple[Arrival, ArchiveEntry], ...]:
    """Return the sources of a converter that left shortly before its last source left; a thousand at most."""
    with archive.read() as db:
        departed = arrivals.last_departed(db, converter_name, limit=1000)
        newest = max((arrival.changed_at for arrival in departed), default=None)
        lately = (a for a in departed if newest and a.archive_id and a.changed_at >= newest - within)
        found = ((a, entry) for a in lately for entry in entries.of_id(db, a.archive_id or ""))
        return tuple((a, entry) for a, entry in found if isinstance(entry, ArchiveEntry))


def release(archive: Archive, seen: Sequence[Arrival], *, reason: str, where: str) -> None:
    """Record that these rows in state SEEN no longer account for their sources: why, and ``where`` they continue."""
    names = sorted({arrival.converter_name for arrival in seen})

    def unit(tx: Connection) -> None:
        now = archive.now()
        for arrival in seen:
            arrivals.change(tx, arrival.number, state=ArrivalState.SKIPPED, now=now, reason=reason, moved_to=where)
        details = {"converter_names": names, "sources": len(seen), "reason": reason}
        events.append(tx, Event(kind="sources.left", at=now, details=details))

    archive.write(unit)


def relocate(archive: Archive, places: Mapping[Arrival, str]) -> None:
    """Record where unfinished sources are now, in one commit; their processing continues there."""

    def unit(tx: Connection) -> None:
        now = archive.now()
        for arrival, path in places.items():
            arrivals.change(tx, arrival.number, state=arrival.state, now=now, path=path)
        folders = sorted({(os.path.dirname(a.path), os.path.dirname(path)) for a, path in places.items()})  # noqa: PTH120
        details = {"sources": len(places), "folders": folders}
        events.append(tx, Event(kind="sources.relocated", at=now, details=details))

    archive.write(unit)


def suspended(archive: Archive, converter_name: str) -> tuple[Arrival, ...]:
    """Return a converter's arrivals that wait for a retry."""
    with archive.read() as db:
        return arrivals.in_state(db, converter_name, ArrivalState.SUSPENDED)


def mark_vanished(archive: Archive, arrival: Arrival, *, reason: str = "gone before it could be archived") -> None:
    """Record that a source vanished, or was replaced, before it could be archived."""
    assert arrival.arrival_id is not None
    number = arrival.arrival_id
    details = {"path": arrival.path, "converter_name": arrival.converter_name, "size_bytes": arrival.size_bytes}

    def unit(tx: Connection) -> None:
        now = archive.now()
        arrivals.change(tx, number, state=ArrivalState.VANISHED, now=now, reason=reason, moved_to="vanished")
        events.append(tx, Event(kind="source.vanished", at=now, details=details))

    archive.write(unit)


def accounts(archive: Archive) -> tuple[Account, ...]:
    """Return how many sources arrived and what became of them, by converter and day."""
    with archive.read() as db:
        counts = arrival_figures.counts(db)
    grouped: dict[tuple[str, date], dict[str, int]] = {}
    for count in counts:
        grouped.setdefault((count.converter_name, count.day), {})[count.state.value] = count.number
    return tuple(
        Account(converter_name=name, day=day, came_in=sum(by_state.values()), by_state=by_state)
        for (name, day), by_state in sorted(grouped.items())
    )


def bad_rows(archive: Archive) -> Iterator[str]:
    """Stream the invalid rows of the whole ledger, with the reason."""
    last: int | None = 0
    while last is not None:
        with archive.read() as db:
            last, bad = ledger_checks.bad_rows(db, last, _PAGE)
        yield from (row.fault for row in bad)


def bad_open(archive: Archive) -> tuple[str, ...]:
    """Return the invalid rows of sources that are not known to be finished, with the reason."""
    with archive.read() as db:
        return tuple(row.fault for row in ledger_checks.bad_open(db))


def disagreements(archive: Archive, *, is_quick: bool = False) -> tuple[str, ...]:
    """Return the contradictions between ledger, entries and reports; empty if the counts agree, as far as they are checked."""
    with archive.read() as db:
        return ledger_checks.disagreements(db, is_quick=is_quick)


def where_is(archive: Archive, text: str) -> Whereabouts:
    """Find a source by path (where it arrived, or where it is now), by name or by serial number."""
    with archive.read() as db:
        by_serial = entry_pages.find(db, EntryFilter(serial_number=text), limit=100).items
        theirs = (arrivals.of_entry(db, entry.archive_id) for entry in by_serial)
        at_path = arrivals.at_path(db, os.path.abspath(text))  # noqa: PTH100 (keeps links as they are named)
        each = {a.arrival_id: a for a in (*at_path, *arrivals.search(db, text), *filter(None, theirs))}
        found = tuple(_with_the_servers_words(db, arrival) for arrival in each.values())
        named = tuple(
            entries.get(db, arrival.archive_id)
            for arrival in found
            if arrival.archive_id and entries.has(db, arrival.archive_id)
        )
    unique = {entry.archive_id: entry for entry in (*named, *by_serial)}
    return Whereabouts(arrivals=found, entries=tuple(unique.values()))


def _with_the_servers_words(db: Connection, arrival: Arrival) -> Arrival:
    """Return the arrival with the reason why its reports wait, if a try recorded one."""
    if arrival.state is not ArrivalState.WAITING or arrival.archive_id is None or arrival.reason:
        return arrival
    waiting = (r for r in reports.of_entry(db, arrival.archive_id) if r.submission_state is SubmissionState.WAITING)
    return replace(arrival, reason=next((r.last_error for r in waiting if r.last_error), None))


def set_arrival(
    archive: Archive,
    arrival_id: int,
    state: ArrivalState,
    *,
    reason: str | None = None,
    moved_to: str | None = None,
    kept_checksum: str | None = None,
    touched: FileStamp | None = None,
    also: Callable[[Connection], object] | None = None,
) -> None:
    """Change the state of an arrival, in one commit with what the unit ``also`` writes.

    ``touched`` is the final stamp of its source, if only the time had changed: whatever was seen since with that stamp is the
    same source.
    """
    changes = {"reason": reason, "moved_to": moved_to, "kept_checksum": kept_checksum}
    place = touched.fields() if touched else {}

    def unit(tx: Connection) -> None:
        if also:
            also(tx)
        arrivals.change(tx, arrival_id, state=state, now=archive.now(), **changes, **place)
        if touched:
            arrivals.forget_seen(tx, arrival_id, size_bytes=touched.size_bytes, mtime_ns=touched.mtime_ns)

    archive.write(unit)
