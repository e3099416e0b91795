"""Sources that vanished before they could be archived, and who acknowledged that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account
from pywats_archive.catalog import arrival_figures, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import UnknownEntry
from pywats_archive.models.event import Event
from pywats_archive.models.operation.status import VanishedSource
from pywats_archive.portable.placing import last_part

ACKNOWLEDGED = "source.acknowledged"
ALL = "all"


def vanished(archive: Archive) -> tuple[VanishedSource, ...]:
    """Return all sources that vanished, oldest first; those that a person acknowledged say so."""
    with archive.read() as db:
        arrivals = arrival_figures.vanished(db)
        known = _acknowledged(events.without_archive_id(db, ACKNOWLEDGED)) if arrivals else {}
    found = (
        VanishedSource(
            arrival_id=arrival.number,
            archive=archive.root,
            converter_name=arrival.converter_name,
            path=arrival.path,
            size_bytes=arrival.size_bytes,
            first_seen_at=arrival.first_seen_at,
            vanished_at=arrival.changed_at,
            reason=arrival.reason,
        )
        for arrival in arrivals
    )
    return tuple(_with(each, known.get(each.arrival_id)) for each in found)


def acknowledge(archive: Archive, sources: Sequence[VanishedSource], *, reason: str | None, actor: str) -> None:
    """Record that a person knows of these sources, in one commit."""
    account.require_owner(archive.root)

    def unit(tx: Connection) -> None:
        for source in sources:
            details = {"arrival_id": source.arrival_id, "path": source.path, "converter_name": source.converter_name}
            details |= {"reason": reason} if reason else {}
            events.append(tx, Event(kind=ACKNOWLEDGED, at=archive.now(), actor=actor, details=details))

    archive.write(unit)


def chosen(sources: Iterable[VanishedSource], names: Sequence[str]) -> tuple[VanishedSource, ...]:
    """Return the sources that are not acknowledged yet and that ``names`` name: by number, path or file name, or ``all``.

    UnknownEntry if a name names none.
    """
    waiting = [source for source in sources if source.acknowledged_at is None]
    found: dict[tuple[str, int], VanishedSource] = {}
    for name in names:
        named = [source for source in waiting if _is_named(source, name)]
        if not named:
            raise UnknownEntry(
                f"no vanished source '{name}' waits to be acknowledged; 'pywats-archive status' lists those that do"
            )
        found |= {(str(source.archive), source.arrival_id): source for source in named}
    return tuple(found.values())


def _acknowledged(found: Iterable[Event]) -> dict[int, Event]:
    """Return the first acknowledgement of each arrival."""
    known: dict[int, Event] = {}
    for event in found:
        known.setdefault(event.details.get("arrival_id", 0), event)
    return known


def _with(source: VanishedSource, event: Event | None) -> VanishedSource:
    if event is None:
        return source
    return replace(
        source,
        acknowledged_at=event.at,
        acknowledged_by=event.actor,
        acknowledgement=event.details.get("reason"),
    )


def _is_named(source: VanishedSource, name: str) -> bool:
    return name in (ALL, str(source.arrival_id), source.path, last_part(source.path))
