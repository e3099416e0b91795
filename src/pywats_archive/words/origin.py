"""Where an imported entry comes from, as its history says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pywats_archive.models.event import IMPORTED_FROM, SOURCE_IMPORTED, Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The import of an entry."""

    at: datetime
    actor: str
    archive: str
    """The UUID of the archive that it comes from; empty if it comes from a Done folder."""
    bag: str
    record: str
    """The file with its history there."""

    def __str__(self) -> str:
        """Return the place in words."""
        return f"from the bag {self.bag} of archive {self.archive}" if self.archive else "from a Done folder"


def origin_of(events: Iterable[Event]) -> Origin | None:
    """Return the import among the events of an entry; None if it was archived here, or the event was erased."""
    event = next((each for each in events if each.kind == SOURCE_IMPORTED), None)
    if event is None or "origin" not in event.details:
        return None
    found = event.details.get(IMPORTED_FROM) or {}
    return Origin(
        at=event.at,
        actor=event.actor,
        archive=str(found.get("archive") or ""),
        bag=str(found.get("bag") or ""),
        record=str((found.get("record") or {}).get("blob") or ""),
    )
