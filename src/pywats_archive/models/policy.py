"""A retention policy and the figures that describe an archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionPolicy:
    """How long, and how much, a converter's entries are kept."""

    converter_name: str
    retention_days: int = 90
    max_size_gb: float = 10.0
    """1 GB = 10⁹ bytes."""
    compression_level: int = 6
    enabled: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveStatistics:
    """Figures of an archive, or of one converter's part of it; sizes in bytes."""

    converter_name: str | None
    total_entries: int
    by_status: dict[str, int]
    source_size_bytes: int
    compressed_size_bytes: int
    report_count: int
    report_size_bytes: int
    report_compressed_size_bytes: int
    waiting_reports: int
    refused_reports: int
    warned_entries: int
    compression_ratio: float
    """Bytes in over bytes on disk, sources and reports together; 0 for an empty archive."""
    oldest_entry: datetime | None
    newest_entry: datetime | None
    catalog_size_bytes: int = 0
    oldest_check: datetime | None = None
    """When that blob of the whole archive was read back, or archived, which waits longest to be read back again."""
    open_findings: int = 0
    """What the service found damaged in the whole archive, and is so still."""
