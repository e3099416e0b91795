"""An erasure: which entries are meant, what it would concern, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pywats_archive.models.query import EntryFilter


class ErasureRule(str, Enum):
    """The rule that protects an entry from being erased."""

    COMPLIANT = "compliant"
    """It is in a compliant archive, from which nothing is erased."""
    HELD = "held"
    """It is held: release the hold first."""
    PENDING = "pending"
    """It is not converted yet, suspended, or its source is unfinished."""
    WAITING = "waiting"
    """A report of it waits for the server."""
    IN_PLACE = "in_place"
    """Its file is still in the watch folder, from where it would be archived again: remove the file first."""
    AWAY = "away"
    """Its file stayed in the watch folder, which is away: the file may be archived again once the folder is back."""
    ALTERED = "altered"
    """A row of it names a path that cannot be its blob: nothing is removed there; 'verify' names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureChoice:
    """Which entries are meant: ids, or all that meet every given condition."""

    archive_ids: tuple[str, ...] = ()
    wanted: EntryFilter = field(default_factory=EntryFilter)
    serial_number: str | None = None
    """Of a report of it, or as a whole word in its file name; not in the name of an entry with other serial numbers."""
    operator: str | None = None
    """In a report of it, or as whole words in its file name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasableEntry:
    """An entry that would be erased."""

    archive_id: str
    """Its archive id."""
    converter_name: str
    """Its converter."""
    found_by: str
    """``id``, ``filter``, ``serial number``, ``operator``, ``name`` (in its file name), or ``text`` (in its error or warnings,
    or within a longer word of its file name)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtectedEntry(ErasableEntry):
    """An entry that a rule protects."""

    rule: ErasureRule
    """The rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasurePreview:
    """The preview of an erasure."""

    entries: tuple[ErasableEntry, ...]
    """The entries that would be erased."""
    protected: tuple[ProtectedEntry, ...]
    """The entries that would stay."""
    also_named: tuple[ErasableEntry, ...]
    """Entries with the search text only in their error or warnings, or within a longer word of their file name: they would
    stay, unless their ids are named."""
    files: int
    """Number of their files in the archive: sources, companions, reports."""
    disk_size_bytes: int
    """Disk space of these files."""
    reports: int
    """Number of their reports."""
    events: int
    """Number of their events, whose details would be erased."""
    copies: int
    """Number of copies of the catalog that a new one would replace."""
    old_catalogs: int
    """Number of files of catalogs that a rebuild replaced, which would be removed."""
    logs: tuple[str, ...]
    """Log files in which lines about them would be overwritten."""
    outside: tuple[str, ...]
    """Their files outside the archive that exist, such as in Done; these stay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """The result of an erasure."""

    entries: int
    """Number of entries that were erased."""
    protected: tuple[ProtectedEntry, ...]
    """Entries that stay, each with the rule."""
    also_named: tuple[ErasableEntry, ...]
    """Entries with the search text only in their error or warnings, or within a longer word of their file name: they stay.
    Erase them by their ids if they are meant."""
    events: int
    """Number of events whose details were erased."""
    log_places: int
    """Number of places in log files that were overwritten."""
    outside: tuple[str, ...]
    """Their files outside the archive that exist, such as in Done; these stay."""
    not_removed: tuple[str, ...]
    """Files that cannot be removed now, and folders of copies that are away, each with the reason; the next erasure or start of
    the service goes on with them."""
