"""An event: one fact of the append-only history, chained by hash."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What happened, to which entry, by whom.

    ``sequence``, ``previous_hash`` and ``hash`` are set when it is appended; hashes are SHA-256 hex.
    """

    kind: str
    """Noun and verb: ``source.archived``, ``conversion.recorded``, ``report.accepted``, …"""
    at: datetime
    """When it happened."""
    archive_id: str | None = None
    """The entry; None if it concerns no single one."""
    actor: str = "service"
    """Who did it."""
    details: dict[str, Any] = field(default_factory=dict)
    """Further facts by name."""
    sequence: int | None = None
    """Number in the history."""
    bound_rows: str | None = None
    """Digests of the rows of the catalog that changed with it, as JSON by table and key; null for a removed row."""
    previous_hash: str = ""
    """Hash of the event before it."""
    hash: str = ""
    """Its own hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventFilter:
    """Which events are wanted; None and empty mean all."""

    kinds: tuple[str, ...] = ()
    """Kinds, or their beginnings, such as ``alert`` for ``alert.raised`` and ``alert.cleared``."""
    archive_id: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEvent(Event):
    """An event, and the archive whose history has it."""

    archive: Path
    """The folder of the archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventPage:
    """Some events, oldest first, and how far each history was read."""

    events: tuple[RecordedEvent, ...]
    positions: dict[Path, int]
    """By archive: the number of its last event that was read, whether it matched or not."""
