"""The history of some archives as one."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account
from pywats_archive.catalog import event_search, event_stream, events
from pywats_archive.models.event import SPOOLED, Event, EventFilter, EventPage, RecordedEvent

_PAGE = 1000


def page_of(
    archives: Sequence[Archive], wanted: EventFilter, *, limit: int, after: Mapping[Path, int] | None
) -> EventPage:
    """Return the newest events that match, in the order of their times; only those behind ``after``, if it is given."""
    found: list[RecordedEvent] = []
    positions: dict[Path, int] = {}
    for archive in archives:
        beginning = (after or {}).get(archive.root, 0)
        with archive.read() as db:
            last = events.last(db)
            upto = last.sequence if last and last.sequence is not None else 0
            some = event_search.matching(db, wanted, after=beginning, upto=upto, limit=limit)
        positions[archive.root] = upto
        found += [_recorded(archive, each) for each in some]
    newest = sorted(found, key=lambda event: event.at)[-limit:]
    return EventPage(events=tuple(newest), positions=positions)


def older(
    archives: Sequence[Archive], wanted: EventFilter, *, limit: int, before: Mapping[Path, int]
) -> tuple[RecordedEvent, ...]:
    """Return the newest events that match, newest first; of each archive in ``before`` only those below that number.

    Those of one archive are in the order of its history, whatever its clock did; archives are merged by time.
    """
    each = [_newest_first(archive, wanted, limit, before.get(archive.root)) for archive in archives]
    return tuple(islice(heapq.merge(*each, key=lambda event: event.at, reverse=True), limit))


def _newest_first(archive: Archive, wanted: EventFilter, limit: int, before: int | None) -> list[RecordedEvent]:
    with archive.read() as db:
        last = events.last(db)
        newest = (last.sequence or 0) if last else 0
        upto = newest if before is None else min(newest, before - 1)
        found = event_search.matching(db, wanted, after=0, upto=upto, limit=limit)
    return [_recorded(archive, each) for each in reversed(found)]


def stream(archives: Sequence[Archive], wanted: EventFilter, *, newest: int | None = None) -> Iterator[RecordedEvent]:
    """Yield the events that match in the order of their times, oldest first; only the ``newest`` so many, if that is given.

    Memory is bounded: a page of each archive, or ``newest`` events if there are several archives. What is recorded meanwhile
    is left out.
    """
    each = [_streamed(archive, wanted, newest) for archive in archives]
    merged = each[0] if len(each) == 1 else heapq.merge(*each, key=lambda event: event.at)
    yield from merged if newest is None or len(each) == 1 else deque(merged, maxlen=newest)


def _streamed(archive: Archive, wanted: EventFilter, newest: int | None) -> Iterator[RecordedEvent]:
    """Read page by page, each as a read of its own, so that a long one does not keep the writer from its log."""
    with archive.read() as db:
        last = events.last(db)
        upto = last.sequence if last and last.sequence is not None else 0
        after = max(0, event_stream.nth_newest(db, wanted, newest) - 1) if newest is not None else 0
    while after < upto:
        with archive.read() as db:
            page = event_stream.following(db, wanted, after=after, upto=upto, limit=_PAGE)
        for event in page:
            yield _recorded(archive, event)
        after = page[-1].sequence or upto if len(page) == _PAGE else upto


def _recorded(archive: Archive, event: Event) -> RecordedEvent:
    return RecordedEvent(archive=archive.root, **{name: getattr(event, name) for name in event.__slots__})


def record(archive: Archive, kind: str, details: dict[str, Any], *, actor: str) -> None:
    """Append an event that concerns no entry. A sign-in or a refusal becomes a note if the catalog is busy for long."""
    event = Event(kind=kind, at=archive.now(), actor=actor, details=details)
    if not archive.is_read_only:
        account.require_owner(archive.root)
    if kind in SPOOLED:
        recording.record(archive, event)
    elif not archive.is_read_only:
        append(archive, event)


def append(archive: Archive, event: Event) -> None:
    """Append an event by the archive's owner."""
    archive.write(lambda tx: events.append(tx, event))
