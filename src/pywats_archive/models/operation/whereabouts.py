"""Where a source is."""

from __future__ import annotations

from dataclasses import dataclass

from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Whereabouts:
    """The arrivals and entries found for a path, a name or a serial number."""

    arrivals: tuple[Arrival, ...]
    """Sources in watch folders, as the ledger has them."""
    entries: tuple[ArchiveEntry, ...]
    """Archived sources."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Watcher:
    """A converter that watches the folder of a file."""

    converter_name: str
    """The converter."""
    patterns: tuple[str, ...]
    """The patterns of the files that it takes: those of the configuration, or of its code as the last service saw it."""
    matches: bool
    """Whether one of them matches the file's name."""
