"""What a check of an archive finds, and what a rebuilding of its catalog gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class ProblemKind(str, Enum):
    """What can be wrong in an archive."""

    BLOB_DAMAGED = "blob_damaged"
    """It cannot be decompressed to its end, or its size is not the recorded one."""
    HEADER_DAMAGED = "header_damaged"
    """What it says of itself is damaged, or is not what the catalog says."""
    CHECKSUM_MISMATCH = "checksum_mismatch"
    """It decompresses, to other bytes than were recorded."""
    BLOB_UNREADABLE = "blob_unreadable"
    """The operating system does not give it out."""
    BLOB_MISSING = "blob_missing"
    """A row without its blob."""
    BLOB_UNKNOWN = "blob_unknown"
    """A file that no row names."""
    ENTRY_MISSING = "entry_missing"
    """A report, or the history, without the entry it tells of."""
    RECORD_ALTERED = "record_altered"
    """Row and blob agree, and the history says something else; or a row names what is not the place of a blob."""
    HALF_WRITTEN = "half_written"
    CHAIN_BROKEN = "chain_broken"
    """An event was edited, removed or put elsewhere."""
    CATALOG_DAMAGED = "catalog_damaged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong."""

    kind: ProblemKind
    path: str
    """Relative to the archive, with forward slashes."""
    archive_id: str | None = None
    message: str
    """What, where, what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """One thing that was looked at."""

    problem: Problem | None = None
    blobs: int = 0
    """1 when it was a blob."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thoroughness:
    """How much of an archive is read; headers, sizes and names are always looked at."""

    quick: bool = False
    """Read no blob from end to end."""
    sample_percent: float = 100.0
    """Read this part of the blobs from end to end, drawn again for each ``seed``."""
    seed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A problem that a service found, and that is still there."""

    problem: Problem
    found_at: datetime


OnProgress = Callable[[int, int], None]
"""Told how many files are done, and of how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlyThere:
    """Something that only the replaced catalog knew."""

    what: str
    number: int | None
    """None when it could not be read any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """A catalog made again from the blobs."""

    archive: str
    entries: int
    reports: int
    companions: int
    """Blobs of companions."""
    without_source: int
    """Entries of which there are reports or companions alone."""
    without_outcome: int = 0
    """Entries without a report: no blob tells how their conversion ended."""
    purged: int = 0
    """Entries that were on record as purged; what was left of their blobs is removed."""
    problems: tuple[Problem, ...]
    kept_as: str | None
    """The replaced catalog's name beside the new one; None when there was none."""
    not_copied: tuple[OnlyThere, ...]
