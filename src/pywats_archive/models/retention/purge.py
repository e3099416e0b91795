"""A purge: which entries, why, and what prevents it; and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from pywats_archive.models.entry import ConversionStatus


class PurgeReason(str, Enum):
    """Why an entry is purged; the words are the analysis' own."""

    RETENTION_DAYS = "retention_days"
    """It is older than its policy allows."""
    MAX_SIZE_GB = "max_size_gb"
    """The archive is larger than its policy allows."""
    MANUAL = "manual"
    """A person named it."""
    ERASED = "erased"
    """A person erased the entry: the texts of its record are removed too."""


class Obstacle(str, Enum):
    """Why an entry is kept although a limit or a person requests its purge."""

    HELD = "held"
    """It is held."""
    PENDING = "pending"
    """It is not converted yet, suspended, or its source is unfinished."""
    UNSUBMITTED = "unsubmitted"
    """The server has not accepted a report of it."""
    NOT_IN_VAULT = "not_in_vault"
    """The vault has not confirmed within a day that it has the entry, and ``vault_required`` is set."""
    ALTERED = "altered"
    """A row of it names a path that cannot be its blob: nothing is removed there; 'verify' names it."""
    MIN_ENTRIES = "min_entries"
    """It is one of the newest entries that always stay."""
    MIN_DAYS = "min_days"
    """It is too young to be purged for the size limit."""


class Candidate(NamedTuple):
    """The facts that decide about an entry (a tuple, for there may be a million)."""

    archive_id: str
    status: str
    disk_size_bytes: int
    is_held: bool
    is_unsubmitted: bool
    """A report of it waits for the server, or was refused."""
    is_unfinished: bool
    """Its source is unfinished in the ledger."""
    is_unknown: bool = False
    """Its row was rebuilt from its blobs, which do not say how its conversion ended."""
    is_not_in_vault: bool = False
    """The vault must have it before it is purged, and has not confirmed that."""
    received: str = ""
    """The archive id for the time of its receipt, if its own does not say that; otherwise empty."""

    @property
    def is_pending(self) -> bool:
        """Whether it is still to be converted, or its source to be finished."""
        return self.is_unfinished or (self.status in _PENDING and not self.is_unknown)


_PENDING = (ConversionStatus.PENDING.value, ConversionStatus.SUSPENDED.value)


class Decision(NamedTuple):
    """The decision about an entry to be purged for ``reason``: it is purged unless there is an ``obstacle``."""

    archive_id: str
    reason: PurgeReason
    obstacle: Obstacle | None
    disk_size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgePlan:
    """The decisions of one policy in figures, and what remains."""

    converter_name: str
    """The converter."""
    entries: int
    """The number of all entries."""
    disk_size_bytes: int
    """Disk space of all its entries."""
    purged: dict[PurgeReason, int] = field(default_factory=dict)
    """Number of entries to be purged, by reason."""
    bytes_freed: int = 0
    """Disk space that they free."""
    kept: dict[Obstacle, int] = field(default_factory=dict)
    """Entries beyond a limit that stay, by obstacle; entries kept by a minimum are not counted one by one."""
    over_bytes: int = 0
    """How far above the size limit the archive stays."""

    @property
    def purged_entries(self) -> int:
        """How many entries are purged."""
        return sum(self.purged.values())

    @property
    def is_large(self) -> bool:
        """Whether more than a fifth is purged at once, of the entries or of the bytes."""
        return 5 * self.purged_entries > self.entries or 5 * self.bytes_freed > self.disk_size_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceEstimate:
    """What a policy would free now."""

    converter_name: str
    archives: int
    bytes_freed: int
    by_reason: dict[str, int]
    kept: dict[str, int]
    remaining_archives: int
    remaining_bytes: int
    over_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgeStatistics:
    """The result of a purge."""

    converter_name: str
    """The converter."""
    archives_purged: int = 0
    """Number of entries that were purged."""
    bytes_freed: int = 0
    """Disk space that was freed."""
    by_reason: dict[str, int] = field(default_factory=dict)
    """Number of purged entries, by reason."""
    kept: dict[str, int] = field(default_factory=dict)
    """Number of entries beyond a limit that stay, by obstacle."""
    over_bytes: int = 0
    """How far above the size limit the archive stayed, because of ``kept``."""
    remaining_archives: int = 0
    """Number of entries that are left."""
    remaining_bytes: int = 0
    """Disk space that they take."""
    not_removed: int = 0
    """Files that are recorded as purged and cannot be removed now; the next purge tries again."""
    first_not_removed: str | None = None
    """The first of them, with the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purge:
    """Entries of one converter that were purged together for one reason, as the history has it."""

    purge_timestamp: datetime
    converter_name: str
    archives_purged: int
    bytes_freed: int
    reason: PurgeReason
    actor: str
    finished_at: datetime | None
    """When the last byte was removed; None while some may still exist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A legal hold: it protects an entry from every purge."""

    archive_id: str
    """The entry."""
    converter_name: str
    """Its converter."""
    hold_reason: str
    """Why it is held."""
    held_by: str
    """Who holds it."""
    held_at: datetime
    """Since when it is held."""
