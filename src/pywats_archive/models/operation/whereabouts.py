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
