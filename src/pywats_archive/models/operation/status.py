"""What a person sees of a station at one moment: what waits, and what was lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingWork:
    """The work of an archive that is not done yet."""

    sources: int = 0
    """Sources that are not finished."""
    by_state: dict[str, int] = field(default_factory=dict)
    """These sources by their state."""
    reports: int = 0
    """Reports that the server has not accepted yet."""
    oldest_at: datetime | None = None
    """When the oldest of these sources was first seen."""
    oldest_path: str | None = None
    """Where the oldest of these sources is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VanishedSource:
    """A source that was gone, or replaced, before it could be archived."""

    arrival_id: int
    """Its number in the ledger of its archive."""
    archive: Path
    """The folder of the archive."""
    converter_name: str
    """The converter that it came for."""
    path: str
    """Where it was."""
    size_bytes: int
    """Its size when last seen, in bytes."""
    first_seen_at: datetime
    """When it was first seen."""
    vanished_at: datetime
    """When it was found to be gone."""
    reason: str | None = None
    """What is known about the cause."""
    acknowledged_at: datetime | None = None
    """When a person acknowledged this; None while nobody has."""
    acknowledged_by: str | None = None
    """Who acknowledged it."""
    acknowledgement: str | None = None
    """The reason that this person gave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LastAnchor:
    """The newest signed head of the history of an archive."""

    archive: Path
    """The folder of the archive."""
    event: int
    """The number of the event up to which the history is signed."""
    at: datetime
    """When it was signed."""
    folders: tuple[Path, ...]
    """The anchor folders of the configuration, without those that an open alert says lack it."""


def combined_waiting(parts: list[WaitingWork]) -> WaitingWork:
    """Return the work of several archives as one."""
    by_state: dict[str, int] = {}
    for part in parts:
        for state, number in part.by_state.items():
            by_state[state] = by_state.get(state, 0) + number
    oldest = min((p for p in parts if p.oldest_at), key=lambda part: str(part.oldest_at), default=WaitingWork())
    return WaitingWork(
        sources=sum(part.sources for part in parts),
        by_state=by_state,
        reports=sum(part.reports for part in parts),
        oldest_at=oldest.oldest_at,
        oldest_path=oldest.oldest_path,
    )
