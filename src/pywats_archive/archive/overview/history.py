"""The history of some archives as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account
from pywats_archive.catalog import event_search, events
from pywats_archive.models.event import Event, EventFilter, EventPage, RecordedEvent


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
        values = ({name: getattr(each, name) for name in each.__slots__} for each in some)
        found += [RecordedEvent(archive=archive.root, **each) for each in values]
    newest = sorted(found, key=lambda event: event.at)[-limit:]
    return EventPage(events=tuple(newest), positions=positions)


def record(archive: Archive, kind: str, details: dict[str, Any], *, actor: str) -> None:
    """Append an event that concerns no entry."""
    account.require_owner(archive.root)
    archive.write(lambda tx: events.append(tx, Event(kind=kind, at=archive.now(), actor=actor, details=details)))
