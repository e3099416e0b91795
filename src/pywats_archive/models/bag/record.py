"""The record of an entry in a bag."""

from __future__ import annotations

from dataclasses import dataclass

from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class BaggedFile:
    """One file of an entry in a bag."""

    kind: str
    """``source``, ``companion`` or ``report``."""
    path: str | None
    """Its path in the bag; None if it is not there."""
    original: str
    """Its own path or name; of a report its id."""
    mtime_ns: int
    """When it was last modified, in ns since 1970 (UTC); of a report when it was converted."""
    size_bytes: int
    """Its size."""
    sha256: str
    """Its checksum, as the archive has it."""
    error: str | None = None
    """The reason why it is not in the bag, although it was to be exported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaggedEntry:
    """All that is known of one entry, as ``entry.json`` in a bag has it."""

    archive_uuid: str
    """The archive that it comes from."""
    entry: ArchiveEntry
    """The entry."""
    conversions: tuple[Conversion, ...]
    """Every attempt to convert it, oldest first."""
    reports: tuple[Report, ...]
    """Its reports, in the order in which ``show`` numbers them."""
    events: tuple[Event, ...]
    """Its history in that archive."""
    files: tuple[BaggedFile, ...]
    """Its files, those that were not exported too."""
