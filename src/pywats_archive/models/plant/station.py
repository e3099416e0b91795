"""The stations of a plant, and what was added to the index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantConverter:
    """A converter of a station."""

    name: str
    """Its name."""
    version: str | None
    """The version that converted last; None if it has none."""
    entries: int
    """How many entries it has."""
    converted_at: datetime
    """When it converted last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantStation:
    """One archive in the vault, and the station that ships it."""

    station: str
    """The computer that made the last segment; several archives may be of one computer, or of two with the same name."""
    archive_uuid: str
    """The archive."""
    entries: int
    """How many entries the index has."""
    last: int
    """The number of the last event in the vault."""
    ended_at: datetime | None
    """The time of that event."""
    shipped_at: datetime | None
    """When the last segment was made."""
    minutes: float | None
    """How long ago that was."""
    is_silent: bool
    """Whether it shipped nothing for too long."""
    histories: int
    """How many histories the vault has of it; each rebuild of a catalog begins another one."""
    segments: int
    """How many segments were read, of all histories."""
    software: str
    """The version that made the last segment."""
    problems: tuple[str, ...]
    """Segments that are missing, or that could not be read."""
    converters: tuple[PlantConverter, ...]
    """Its converters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantStations:
    """The stations of a plant."""

    vault: str
    """The vault of the index."""
    updated_at: datetime | None
    """When the index was updated."""
    stations: tuple[PlantStation, ...]
    """One for each archive in the vault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantIndexed:
    """What an update added to an index."""

    vault: str
    """The vault."""
    index: str
    """The folder of the index."""
    archives: int
    """How many archives the vault has."""
    segments: int
    """How many segments were new."""
    rows: int
    """How many rows of entries and reports were read from them."""
    entries: int
    """How many entries the index has."""
    size_bytes: int
    """The size of the index."""
    problems: tuple[str, ...]
    """Segments that are missing, or that could not be read; they are tried again each time."""
