"""The figures that describe an archive, and how it grows; sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

GROWTH_DAYS = (1, 7, 30)
"""Over how many days growth is told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayStatistics:
    """What came in on one day (UTC), purged since or not."""

    day: date
    entries: int
    failed: int
    purged: int
    source_size_bytes: int
    disk_size_bytes: int
    """What the file system allotted for its sources and reports."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAlert:
    """What a service found wrong, and is so still."""

    name: str
    subject: str
    raised_at: datetime
    details: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveStatistics:
    """Figures of an archive, or of one converter's part of it: what is kept, and beside it what was purged."""

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
    """Bytes in over bytes compressed, sources and reports together; 0 for an empty archive."""
    oldest_entry: datetime | None
    newest_entry: datetime | None
    disk_size_bytes: int = 0
    """What the file system allots for all blobs: what counts against ``max_size_gb``."""
    purged_entries: int = 0
    purged_size_bytes: int = 0
    """What all that was purged took on disk."""
    failed_entries: int = 0
    bytes_per_day: dict[str, int] = field(default_factory=dict)
    """What came in a day, as it lies on disk, over the last 1, 7 and 30 days (or since the first entry, if that is less)."""
    net_bytes_per_day: int = 0
    """What the archive grew a day over the last 7 days: what came in less what was purged."""
    max_size_bytes: int | None = None
    """The size limit: of the converter, or of all converters together."""
    days_until_limit: float | None = None
    """At the growth of the last 7 days; None when it does not grow, 0 when it is reached."""
    disk_free_bytes: int | None = None
    days_until_disk_full: float | None = None
    catalog_size_bytes: int = 0
    oldest_check: datetime | None = None
    """When that blob of the whole archive was read back, or archived, which waits longest to be read back again."""
    open_findings: int = 0
    """What the service found damaged in the whole archive, and is so still."""
    alerts: tuple[OpenAlert, ...] = ()
    by_converter: tuple[ArchiveStatistics, ...] = ()
    """The same of each converter; empty where it is of one."""
    by_day: tuple[DayStatistics, ...] = ()


def forecast_days(room_bytes: float, bytes_per_day: float) -> float | None:
    """Give how many days ``room_bytes`` last at a growth of ``bytes_per_day``; None for ever, 0 when there is none left."""
    if room_bytes <= 0:
        return 0.0
    return round(room_bytes / bytes_per_day, 1) if bytes_per_day > 0 else None
