"""What a check of an archive finds, and what a rebuild of its catalog recovers."""

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
    """Its header is damaged, or differs from the catalog."""
    CHECKSUM_MISMATCH = "checksum_mismatch"
    """It decompresses to other bytes than were recorded."""
    BLOB_UNREADABLE = "blob_unreadable"
    """The operating system cannot read it."""
    BLOB_MISSING = "blob_missing"
    """A row without its blob."""
    BLOB_UNKNOWN = "blob_unknown"
    """A file that no row names."""
    ENTRY_MISSING = "entry_missing"
    """A report, or the history, names an entry that does not exist."""
    RECORD_ALTERED = "record_altered"
    """Row and blob agree, but the history differs; or a row names a path that cannot be its blob."""
    HALF_WRITTEN = "half_written"
    """A temporary file that was left behind."""
    CHAIN_BROKEN = "chain_broken"
    """An event was edited, removed or moved."""
    ROW_ALTERED = "row_altered"
    """A row of the catalog is not what the event of its last change says."""
    ROW_UNRECORDED = "row_unrecorded"
    """A row that no event has, or that an event says was removed."""
    ROW_MISSING = "row_missing"
    """An event without its row."""
    SUM_ALTERED = "sum_altered"
    """A sum of the catalog differs from the count of its entries."""
    TRIGGER_ALTERED = "trigger_altered"
    """A trigger, which keeps sums and events as they are, is not that of this version."""
    TEXT_ALTERED = "text_altered"
    """The full-text index has other words than an entry and its reports, or does not fit its own texts."""
    TABLE_ALTERED = "table_altered"
    """A table of the catalog is not that of this version, such as a view in its place."""
    HISTORY_CUT = "history_cut"
    """An anchor names a later event than the last one: the end was cut off, or an older database was restored."""
    HISTORY_ALTERED = "history_altered"
    """An event differs from the one that an anchor names: the chain was recomputed."""
    HISTORY_REPLACED = "history_replaced"
    """A rebuild replaced the history that an anchor names; the former one is kept beside the catalog."""
    HISTORY_LOST = "history_lost"
    """A rebuild replaced the history that an anchor names, and it was not kept."""
    ANCHOR_DAMAGED = "anchor_damaged"
    """An anchor, or a file that should have one, is damaged or altered."""
    ANCHOR_KEY = "anchor_key"
    """An anchor is signed with a key that the history does not name."""
    ANCHOR_FOREIGN = "anchor_foreign"
    """An anchor is of another archive."""
    ARCHIVE_ALTERED = "archive_altered"
    """archive.json has another uuid than the history records, which would hide the anchors elsewhere."""
    STAMP_DAMAGED = "stamp_damaged"
    """A time stamp is not the one on record, not of its anchor, or its signature is wrong."""
    STAMP_MISSING = "stamp_missing"
    """A time stamp that the history records is not there."""
    STAMP_UNTRUSTED = "stamp_untrusted"
    """A time stamp is not signed by an authority of ``time_stamp_certificates``, or these cannot be used."""
    KEY_MISSING = "key_missing"
    """The blobs are encrypted and the key is not here, so their content was not compared with the catalog."""
    CATALOG_DAMAGED = "catalog_damaged"
    """The metadata database cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem in an archive."""

    kind: ProblemKind
    """What is wrong."""
    path: str
    """Relative to the archive, with forward slashes."""
    archive_id: str | None = None
    """The entry; None if it is unknown."""
    message: str
    """What, where, what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedErasure:
    """An event that names erased events. No anchor proves a request for the erasure, nor the former content of the events."""

    event: int
    """The number of the event."""
    at: str
    """Its time."""
    archive_id: str | None
    """The entry whose events it names; None for events that concern no single entry."""
    actor: str
    """Who erased them."""
    reason: str | None
    """The reason, of an entry's erasure."""
    erased: int
    """Number of events that it names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryChecked:
    """The extent of the check of an archive's history."""

    archive: str
    """Folder of the archive."""
    events: int
    """Number of events."""
    bound_from: int | None
    """The number of the first event that binds rows; None if none does."""
    erased: int = 0
    """Number of events whose details were erased, by a later event; anchors prove their hashes, not their former content."""
    erasures: tuple[RecordedErasure, ...] = ()
    """Each event that names erased ones, oldest first."""
    anchor: str | None = None
    """The newest event that an anchor outside the archive proves, and where that anchor is; None if none does."""
    anchors: int = 0
    """Number of anchors outside the archive that the history was compared with."""
    stamped: str | None = None
    """The newest event that a time stamp proves, its time, and its file; None if none does."""
    is_authority_known: bool = False
    """Whether the time stamps were checked with certificates of authorities that were named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """One item that was checked."""

    problem: Problem | None = None
    blobs: int = 0
    """1 if it was a blob."""
    history: HistoryChecked | None = None
    """Set once for each archive, after its history."""
    note: str | None = None
    """A fact that is no problem, such as a change of the signing key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anchored:
    """The newest event of an archive, signed."""

    archive: str
    """Folder of the archive."""
    event: int
    """Number of the event."""
    hash: str
    """SHA-256 (hex) of the event, and so of all before it."""
    at: datetime
    """When it was signed."""
    key: str
    """The id of the signing key."""
    line: str
    """The anchor itself: one line of text."""
    files: tuple[str, ...] = ()
    """The files that have it, in the configured folders."""
    failures: tuple[str, ...] = ()
    """The places where the anchor could not be written, and why; empty if all is well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thoroughness:
    """How much of an archive is read; headers, sizes and names are always checked."""

    quick: bool = False
    """Read no blob from end to end."""
    chain: bool = False
    """Check only the history and the rows of the catalog, and no file."""
    sample_percent: float = 100.0
    """Read this part of the blobs from end to end, chosen again for each ``seed``."""
    seed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """An open finding of a service."""

    problem: Problem
    found_at: datetime


OnProgress = Callable[[int, int], None]
"""Called with the number of checked files, and of all files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlyThere:
    """Something that only the replaced catalog knew."""

    what: str
    """What it is."""
    number: int | None
    """None if it could no longer be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilt:
    """The result of rebuilding a catalog from the blobs."""

    archive: str
    """Folder of the archive."""
    entries: int
    """Entries in the new catalog."""
    reports: int
    """Reports in the new catalog."""
    companions: int
    """Blobs of companions."""
    without_source: int
    """Entries with only reports or companions."""
    without_outcome: int = 0
    """Entries without a report: no blob says how their conversion ended."""
    purged: int = 0
    """Entries that were recorded as purged; their remaining blobs are removed."""
    problems: tuple[Problem, ...]
    """Blobs that could not be used."""
    kept_as: str | None
    """The replaced catalog's name beside the new one; None if there was none."""
    not_copied: tuple[OnlyThere, ...]
    """What only the replaced catalog knew."""
    copy: str | None = None
    """The copy of the catalog that was used; None if everything comes from the blobs."""
    copied_at: datetime | None = None
    """When that copy was made; later holds, changes of policies, runs and events are lost."""
    last_event: int | None = None
    """The last event of that copy."""
    younger: int = 0
    """Entries that are not in that copy, and come from blobs alone."""
    completed: int = 0
    """Entries of that copy to which blobs added reports or companions."""
    purged_since: int = 0
    """Entries of that copy that were purged after it was made."""
