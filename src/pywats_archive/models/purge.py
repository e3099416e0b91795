"""A purge: which entries go, why, and what stands against it; and what one did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from pywats_archive.models.entry import ConversionStatus


class PurgeReason(str, Enum):
    """Why an entry is purged; the words are the analysis' own."""

    RETENTION_DAYS = "retention_days"
    MAX_SIZE_GB = "max_size_gb"
    MANUAL = "manual"


class Obstacle(str, Enum):
    """Why an entry is kept that a limit, or a person, wants gone."""

    HELD = "held"
    PENDING = "pending"
    """It is not converted yet, suspended, or its source is not at its end."""
    UNSUBMITTED = "unsubmitted"
    """The server has not accepted a report of it."""
    ALTERED = "altered"
    """A row of it names what is not the place of one of its blobs: nothing is removed there; 'verify' names it."""
    MIN_ENTRIES = "min_entries"
    MIN_DAYS = "min_days"


class Candidate(NamedTuple):
    """What decides about an entry (a tuple, for a million go by)."""

    archive_id: str
    status: str
    disk_size_bytes: int
    is_held: bool
    is_unsubmitted: bool
    """A report of it waits for the server, or was refused."""
    is_unfinished: bool
    """Its source has not come to its end in the ledger."""
    is_unknown: bool = False
    """Its row was made anew from its blobs, which do not tell how its conversion ended."""
    received: str = ""
    """What an archive id would be at the time of its receipt, where its own does not say that; empty where it does."""

    @property
    def is_pending(self) -> bool:
        """Tell whether it is still to be converted, or its source to be brought to its end."""
        return self.is_unfinished or (self.status in _PENDING and not self.is_unknown)


_PENDING = (ConversionStatus.PENDING.value, ConversionStatus.SUSPENDED.value)


class Decision(NamedTuple):
    """What becomes of an entry that ``reason`` wants gone: it goes, unless there is an ``obstacle``."""

    archive_id: str
    reason: PurgeReason
    obstacle: Obstacle | None
    disk_size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PurgePlan:
    """The decisions of one policy in figures, with what will be there afterwards."""

    converter_name: str
    entries: int
    """Entries there are."""
    disk_size_bytes: int
    purged: dict[PurgeReason, int] = field(default_factory=dict)
    bytes_freed: int = 0
    kept: dict[Obstacle, int] = field(default_factory=dict)
    """Entries that a limit wants gone and that stay, by what keeps them; those beyond a minimum are not counted one by one."""
    over_bytes: int = 0
    """How far above the size limit it stays."""

    @property
    def purged_entries(self) -> int:
        """How many entries go."""
        return sum(self.purged.values())

    @property
    def is_large(self) -> bool:
        """Tell whether more than a fifth goes at once, of the entries or of the bytes."""
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
    """What a purge did."""

    converter_name: str
    archives_purged: int = 0
    bytes_freed: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    over_bytes: int = 0
    """How far above the size limit it stayed, because of what ``kept`` names."""
    remaining_archives: int = 0
    remaining_bytes: int = 0
    not_removed: int = 0
    """Files of the archive that are on record as purged and cannot be removed now; the next purge tries them again."""
    first_not_removed: str | None = None
    """The first of them, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Purge:
    """Some entries of one converter that were purged together for one reason, as history has it."""

    purge_timestamp: datetime
    converter_name: str
    archives_purged: int
    bytes_freed: int
    reason: PurgeReason
    actor: str
    finished_at: datetime | None
    """When the last of the bytes was gone; None while some may still be there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A mark that keeps an entry from every purge."""

    archive_id: str
    converter_name: str
    hold_reason: str
    held_by: str
    held_at: datetime
