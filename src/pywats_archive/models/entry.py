"""An entry: one archived source and all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.report import UnitResult

ERASED = "[erased]"
"""The placeholder for an erased text."""
IMPORTED = "imported: it was converted before it was archived"
"""Why an entry that was taken over from a Done folder is SKIPPED, until it is replayed."""


class ConversionStatus(str, Enum):
    """The state of an entry's latest conversion; the words are pyWATS' own, plus PENDING."""

    PENDING = "PENDING"
    """Not converted yet."""
    SUCCESS = "SUCCESS"
    """Converted; there may be warnings."""
    FAILED = "FAILED"
    """The conversion failed."""
    SUSPENDED = "SUSPENDED"
    """The converter waits for something; it is tried again."""
    SKIPPED = "SKIPPED"
    """The converter does not want this source."""
    REJECTED = "REJECTED"
    """The converter does not accept this source."""

    @classmethod
    def _missing_(cls, value: object) -> ConversionStatus | None:
        return cls.__members__.get(str(value).upper())


class SourceKind(str, Enum):
    """What arrived: a file, a folder, or nothing (a scheduled converter's own result)."""

    FILE = "file"
    FOLDER = "folder"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Companion:
    """One file that the converter reads beside its source, kept in a companions blob of the entry."""

    name: str
    """Path relative to the source's parent folder, with forward slashes."""
    archived_path: str
    """The blob, relative to the archive."""
    size_bytes: int
    """Size of the companion."""
    checksum: str
    """``sha256:<hex>`` of the companion."""
    found_by: str
    """``rule`` (archived before the conversion) or ``opened`` (seen while the converter read it)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveEntry:
    """One archived source with its latest conversion; the field names are the analysis' own.

    Paths of blobs are relative to the archive, with forward slashes. ``source_checksum`` reads
    ``sha256:<hex>``. For a folder it is the checksum of the tar that the blob holds.
    """

    archive_id: str
    """Names the entry."""
    converter_name: str
    """The converter of its latest conversion."""
    converter_version: str | None = None
    """Version of that converter; None if it has none."""

    source_original_path: str
    """Where the source was found."""
    source_archived_path: str
    """The blob of the source, relative to the archive; empty if the source is not archived."""
    source_checksum: str
    """``sha256:<hex>`` of the source."""
    source_size_bytes: int
    """Size of the source."""
    compressed_size_bytes: int
    """Size of the blob of the source; 0 if the source is not archived."""
    source_kind: SourceKind = SourceKind.FILE
    """What arrived."""
    source_mtime_ns: int = 0
    """When the source was last modified, in ns since 1970 (UTC)."""
    compression_level: int = 6
    """Compression level, 1 to 9."""
    companions: tuple[Companion, ...] = ()
    """Files that the converter reads beside the source."""

    conversion_timestamp: datetime
    """When its latest conversion began; before that, when it was archived, or for an imported one its own time."""
    conversion_parameters: dict[str, Any] = field(default_factory=dict)
    """The converter's arguments; PASSWORD arguments as keyed fingerprints."""
    conversion_status: ConversionStatus = ConversionStatus.PENDING
    """Outcome of its latest conversion."""
    conversion_error: str | None = None
    """Why its latest conversion failed, in one line."""
    conversion_duration_ms: int | None = None
    """Duration of its latest conversion."""
    warnings: tuple[str, ...] = ()
    """Warnings of its latest conversion."""

    report_id: str | None = None
    """Id of its first report; None if it has no report."""
    report_archived_path: str | None = None
    """The blob of its first report."""
    report_size_bytes: int | None = None
    """Size of its first report."""
    report_count: int = 0
    """Number of reports of its latest conversion."""
    serial_number: str | None = None
    """Serial number in its first report."""
    part_number: str | None = None
    """Part number in its first report."""
    result: UnitResult | None = None
    """The worst result of the units in its reports; None if no report has one that WATS knows."""

    retention_until: date
    """The last day (UTC) on which its age keeps it."""
    purged_at: datetime | None = None
    """When its bytes were purged; None if they were not."""
    created_at: datetime
    """When it was archived."""
    verified_at: datetime | None = None
    """When its source and companions were last read back; None if not since they were archived."""
    hold_reason: str | None = None
    """Why it is held, protected from every purge; None if it is not."""
    held_by: str | None = None
    """Who holds it."""
    held_at: datetime | None = None
    """Since when it is held."""
    rebuilt_at: datetime | None = None
    """When its row was rebuilt from its blobs; its earlier history is unknown."""
    disk_size_bytes: int = 0
    """Disk space of all its blobs, or of those it had before they were purged."""

    @property
    def is_as_imported(self) -> bool:
        """Whether the entry was imported, and not replayed since."""
        return self.conversion_error == IMPORTED

    @property
    def source_stamp(self) -> FileStamp:
        """The stamp of its source when it was archived."""
        return FileStamp(size_bytes=self.source_size_bytes, mtime_ns=self.source_mtime_ns)
