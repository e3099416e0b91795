"""Whether the disk holds what the retention policies keep, at the present growth. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pywats_archive.doctor.rating import SPACE_BYTES
from pywats_archive.doctor.station.checks import CheckLevel, StationCheck, Topic
from pywats_archive.models.operation.statistics import forecast_days

KEEPS_ALL_DAYS = 365
"""The time that is looked ahead where a policy keeps everything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """The growth of one converter's part of an archive, and the limits of its policy."""

    bytes_per_day: int
    """Over the last seven days."""
    disk_size_bytes: int
    retention_days: int | None
    """None if everything is kept."""
    max_size_bytes: int | None

    @property
    def to_come_bytes(self) -> int:
        """How much larger it becomes before the policy purges as much as comes in."""
        days = KEEPS_ALL_DAYS if self.retention_days is None else self.retention_days
        most = self.bytes_per_day * days
        if self.max_size_bytes is not None:
            most = min(most, self.max_size_bytes)
        return max(0, most - self.disk_size_bytes)


def check_space(subject: str, growths: Sequence[Growth], *, free_bytes: int, least_free_bytes: int = 0) -> StationCheck:
    """Compare the free space of one disk with the minimum, below which no new source is archived, and with what is to come."""
    to_come, per_day = sum(each.to_come_bytes for each in growths), sum(each.bytes_per_day for each in growths)
    free = f"{_gb(free_bytes)} free"
    if free_bytes < least_free_bytes:
        return StationCheck(
            topic=Topic.SPACE,
            subject=subject,
            level=CheckLevel.FAILED,
            seen=f"{free}, less than min_free_gb ({_gb(least_free_bytes)}), so new sources are not archived",
            advice="free some space on this disk, or write a smaller min_free_gb into the configuration",
        )
    if not per_day:
        return StationCheck(topic=Topic.SPACE, subject=subject, seen=f"{free}; nothing came in within the last week")
    room = free_bytes - SPACE_BYTES
    if to_come <= room:
        seen = f"{free}; at {_gb(per_day)} a day the policies keep at most {_gb(to_come)} more"
        return StationCheck(topic=Topic.SPACE, subject=subject, seen=seen)
    days = forecast_days(room, per_day)
    return StationCheck(
        topic=Topic.SPACE,
        subject=subject,
        level=CheckLevel.WARNING,
        seen=f"{free}; at {_gb(per_day)} a day the policies keep {_gb(to_come)} more, and the disk is full in {days:,.0f} days",
        advice="shorten retention_days, lower max_archive_size_gb, or move the archive to a larger disk",
    )


def _gb(size_bytes: int) -> str:
    if size_bytes >= 10**9:
        return f"{size_bytes / 1e9:,.1f} GB"
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 10**5 else f"{size_bytes / 1e3:,.0f} kB"
