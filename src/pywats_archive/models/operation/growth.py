"""The size of archives from day to day, and its forecast; sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.retention.purge import Purge

DAYS_SHOWN, DAYS_AHEAD = 30, 14


@dataclass(frozen=True, kw_only=True, slots=True)
class DaySize:
    """The disk space of all blobs at the end of a day (UTC)."""

    day: date
    """The day (UTC)."""
    size_bytes: int
    """The disk space."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """The size from day to day, and the forecast at the growth of the last 7 days."""

    days: tuple[DaySize, ...]
    """Up to today, oldest first; at least today."""
    bytes_per_day: int
    """Growth per day over the last 7 days: what arrived less what was purged."""
    forecast: DaySize
    """The size to expect."""
    limit_bytes: int | None = None
    """The size limit; None if there is none."""
    days_until_limit: float | None = None
    """None if it does not grow, 0 if the limit is reached."""


def growth_of(figures: ArchiveStatistics, purges: Iterable[Purge], *, today: date) -> Growth:
    """Return the growth: backwards from the present size by what came in and what was purged, forwards by its pace."""
    came, freed = {each.day: each.disk_size_bytes for each in figures.by_day}, dict[date, int]()
    for purge in purges:
        day = purge.purge_timestamp.date()
        freed[day] = freed.get(day, 0) + purge.bytes_freed
    found, size = list[DaySize](), figures.disk_size_bytes
    first = min(came, default=today)
    for back in range(min(DAYS_SHOWN, (today - first).days + 2)):
        day = today - timedelta(days=back)
        found.append(DaySize(day=day, size_bytes=max(size, 0)))
        size += freed.get(day, 0) - came.get(day, 0)
    ahead = max(figures.disk_size_bytes + figures.net_bytes_per_day * DAYS_AHEAD, 0)
    return Growth(
        days=tuple(reversed(found)),
        bytes_per_day=figures.net_bytes_per_day,
        forecast=DaySize(day=today + timedelta(days=DAYS_AHEAD), size_bytes=ahead),
        limit_bytes=figures.max_size_bytes,
        days_until_limit=figures.days_until_limit,
    )
