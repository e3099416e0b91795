"""The figures of an archive and of its growth; sizes in bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key")
Least = TypeVar("Least")
GROWTH_DAYS = (1, 7, 30)
"""The periods for which growth is reported."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayStatistics:
    """What arrived on one day (UTC), including entries purged since."""

    day: date
    """The day (UTC)."""
    entries: int
    """Number of entries."""
    failed: int
    """Those whose latest conversion failed."""
    purged: int
    """Those that were purged since."""
    source_size_bytes: int
    """Size of their sources."""
    disk_size_bytes: int
    """Disk space of its sources and reports."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAlert:
    """An open alert of a service."""

    name: str
    """Name of the alert, such as ``disk.low``."""
    subject: str
    """What the alert is about, such as a folder or converter."""
    raised_at: datetime
    """When the alert was raised."""
    details: dict[str, object] = field(default_factory=dict)
    """Further facts by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveStatistics:
    """Figures of an archive, or of one converter in it: what is archived, and separately what was purged."""

    converter_name: str | None
    """The converter; None for all of them."""
    total_entries: int
    """Number of entries whose bytes are archived."""
    by_status: dict[str, int]
    """Number of these entries by status."""
    source_size_bytes: int
    """Size of the sources."""
    compressed_size_bytes: int
    """Size of the blobs of the sources."""
    report_count: int
    """Number of archived reports."""
    report_size_bytes: int
    """Size of the reports."""
    report_compressed_size_bytes: int
    """Size of the blobs of reports."""
    waiting_reports: int
    """Reports that wait for the server."""
    refused_reports: int
    """Reports that the server refused."""
    warned_entries: int
    """Entries with warnings."""
    compression_ratio: float
    """Bytes in over bytes compressed, sources and reports together; 0 for an empty archive."""
    oldest_entry: datetime | None
    """When the oldest entry was archived."""
    newest_entry: datetime | None
    """When the newest entry was archived."""
    disk_size_bytes: int = 0
    """Disk space of all blobs: what counts against ``max_size_gb``."""
    purged_entries: int = 0
    """Number of purged entries."""
    purged_size_bytes: int = 0
    """Disk space of everything that was purged."""
    failed_entries: int = 0
    """Entries whose latest conversion failed."""
    bytes_per_day: dict[str, int] = field(default_factory=dict)
    """Bytes on disk that arrived per day, over the last 1, 7 and 30 days (or since the first entry, if that is less)."""
    net_bytes_per_day: int = 0
    """Growth per day over the last 7 days: what arrived less what was purged."""
    max_size_bytes: int | None = None
    """The size limit: of the converter, or of all converters together."""
    days_until_limit: float | None = None
    """At the growth of the last 7 days; None if it does not grow, 0 if it is reached."""
    disk_free_bytes: int | None = None
    """Free space of the archive's disk; None if it is unknown."""
    days_until_disk_full: float | None = None
    """At the growth of the last 7 days; None if it does not grow."""
    catalog_size_bytes: int = 0
    """Size of ``metadata.db``."""
    oldest_check: datetime | None = None
    """When the blob of the whole archive that waits longest was last read back, or archived."""
    open_findings: int = 0
    """The service's open findings in the whole archive."""
    alerts: tuple[OpenAlert, ...] = ()
    """The open alerts."""
    by_converter: tuple[ArchiveStatistics, ...] = ()
    """The figures of each converter; empty if this is one converter."""
    by_day: tuple[DayStatistics, ...] = ()
    """The figures of each day on which sources arrived, oldest first."""


def forecast_days(room_bytes: float, bytes_per_day: float) -> float | None:
    """Return how many days ``room_bytes`` last at a growth of ``bytes_per_day``; None for ever, 0 if none is left."""
    if room_bytes <= 0:
        return 0.0
    return round(room_bytes / bytes_per_day, 1) if bytes_per_day > 0 else None


def each_once(alerts: Iterable[OpenAlert]) -> tuple[OpenAlert, ...]:
    """Return the alerts of several archives; an alert that is recorded in each of them is returned once."""
    return tuple({(alert.name, alert.subject): alert for alert in alerts}.values())


def combined(parts: Sequence[ArchiveStatistics], converter_name: str | None) -> ArchiveStatistics:
    """Add up the figures of several archives; a forecast is that of the archive that reaches its limit first."""
    if len(parts) == 1:
        return parts[0]
    added = {name: sum(getattr(part, name) for part in parts) for name in _ADDED}
    whole = added["source_size_bytes"] + added["report_size_bytes"]
    compressed = added["compressed_size_bytes"] + added["report_compressed_size_bytes"]
    limits = [part.max_size_bytes for part in parts if part.max_size_bytes is not None]
    by_name = _grouped((each for part in parts for each in part.by_converter), lambda each: str(each.converter_name))
    by_day = _grouped((each for part in parts for each in part.by_day), lambda each: each.day)
    return ArchiveStatistics(
        converter_name=converter_name,
        **added,
        by_status=_added([part.by_status for part in parts]),
        bytes_per_day=_added([part.bytes_per_day for part in parts]),
        compression_ratio=round(whole / compressed, 2) if compressed else 0.0,
        oldest_entry=_least(part.oldest_entry for part in parts),
        newest_entry=max((part.newest_entry for part in parts if part.newest_entry), default=None),
        max_size_bytes=sum(limits) if parts and len(limits) == len(parts) else None,
        days_until_limit=_least(part.days_until_limit for part in parts),
        disk_free_bytes=_least(part.disk_free_bytes for part in parts),
        days_until_disk_full=_least(part.days_until_disk_full for part in parts),
        oldest_check=_least(part.oldest_check for part in parts),
        alerts=each_once(alert for part in parts for alert in part.alerts),
        by_converter=tuple(combined(group, name) for name, group in by_name),
        by_day=tuple(_one_day(day, group) for day, group in by_day),
    )


_ADDED = (
    "total_entries",
    "source_size_bytes",
    "compressed_size_bytes",
    "report_count",
    "report_size_bytes",
    "report_compressed_size_bytes",
    "waiting_reports",
    "refused_reports",
    "warned_entries",
    "disk_size_bytes",
    "purged_entries",
    "purged_size_bytes",
    "failed_entries",
    "net_bytes_per_day",
    "catalog_size_bytes",
    "open_findings",
)


def _one_day(day: date, parts: Sequence[DayStatistics]) -> DayStatistics:
    names = ("entries", "failed", "purged", "source_size_bytes", "disk_size_bytes")
    return DayStatistics(day=day, **{name: sum(getattr(part, name) for part in parts) for name in names})


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> list[tuple[Key, list[Item]]]:
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.items(), key=lambda group: str(group[0]))


def _added(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, 0) + number
    return total


def _least(values: Iterable[Least | None]) -> Least | None:
    return min((value for value in values if value is not None), default=None)  # type: ignore[type-var]
