"""An entry: one archived source and all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.report import UnitResult


class ConversionStatus(str, Enum):
    """The state of an entry's latest conversion; the words are pyWATS' own, plus PENDING."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SUSPENDED = "SUSPENDED"
    SKIPPED = "SKIPPED"
    REJECTED = "REJECTED"

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
    size_bytes: int
    checksum: str
    found_by: str
    """``rule`` (archived before the conversion) or ``opened`` (seen while the converter read it)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveEntry:
    """One archived source with its latest conversion; the field names are the analysis' own.

    Paths of blobs are relative to the archive, with forward slashes. ``source_checksum`` reads
    ``sha256:<hex>``. For a folder it is the checksum of the tar that the blob holds.
    """

    archive_id: str
    converter_name: str
    converter_version: str | None = None

    source_original_path: str
    source_archived_path: str
    source_checksum: str
    source_size_bytes: int
    compressed_size_bytes: int
    source_kind: SourceKind = SourceKind.FILE
    source_mtime_ns: int = 0
    compression_level: int = 6
    companions: tuple[Companion, ...] = ()

    conversion_timestamp: datetime
    conversion_parameters: dict[str, Any] = field(default_factory=dict)
    conversion_status: ConversionStatus = ConversionStatus.PENDING
    conversion_error: str | None = None
    conversion_duration_ms: int | None = None
    warnings: tuple[str, ...] = ()

    report_id: str | None = None
    report_archived_path: str | None = None
    report_size_bytes: int | None = None
    report_count: int = 0
    serial_number: str | None = None
    part_number: str | None = None
    result: UnitResult | None = None
    """The worst result of the units in its reports; None if no report has one that WATS knows."""

    retention_until: date
    purged_at: datetime | None = None
    created_at: datetime
    verified_at: datetime | None = None
    """When its source and companions were last read back; None if not since they were archived."""
    hold_reason: str | None = None
    """Why it is held, protected from every purge; None if it is not."""
    held_by: str | None = None
    held_at: datetime | None = None
    rebuilt_at: datetime | None = None
    """When its row was rebuilt from its blobs; its earlier history is unknown."""
    disk_size_bytes: int = 0
    """Disk space of all its blobs, or of those it had before they were purged."""

    @property
    def source_stamp(self) -> FileStamp:
        """The stamp of its source when it was archived."""
        return FileStamp(size_bytes=self.source_size_bytes, mtime_ns=self.source_mtime_ns)
