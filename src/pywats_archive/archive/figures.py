"""The figures of an archive: the catalog's sums, limits, disk space, findings and open alerts."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.catalog import alerts, checks
from pywats_archive.catalog import statistics as sums
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.operation.statistics import ArchiveStatistics, forecast_days


def statistics(archive: Archive, converter_name: str | None = None) -> ArchiveStatistics:
    """Return the figures of the whole archive, or of one converter; the cost does not depend on the number of entries."""
    with archive.read() as db:
        figures = sums.statistics(db, converter_name, now=archive.now())
        each = tuple(_limited(archive, mine) for mine in figures.by_converter)
        whole = _limited(archive, figures) if converter_name else _limited_by(figures, each)
        return _beside(archive, db, replace(whole, by_converter=each))


def recent_failures(archive: Archive, since: datetime) -> dict[str, int]:
    """Count the entries whose latest conversion failed since ``moment``, by converter."""
    with archive.read() as db:
        return sums.recent_failures(db, since)


def _limited(archive: Archive, figures: ArchiveStatistics) -> ArchiveStatistics:
    policy = archive.policies.effective(str(figures.converter_name))
    if not policy.enabled:
        return figures
    room = policy.max_size_bytes - figures.disk_size_bytes
    days = forecast_days(room, figures.net_bytes_per_day)
    return replace(figures, max_size_bytes=policy.max_size_bytes, days_until_limit=days)


def _limited_by(figures: ArchiveStatistics, each: tuple[ArchiveStatistics, ...]) -> ArchiveStatistics:
    """All converters together: the sum of their limits, if all have one, and the first limit to be reached."""
    limits = [mine.max_size_bytes for mine in each if mine.max_size_bytes is not None]
    total = sum(limits) if each and len(limits) == len(each) else None
    days = min((mine.days_until_limit for mine in each if mine.days_until_limit is not None), default=None)
    return replace(figures, max_size_bytes=total, days_until_limit=days)


def _beside(archive: Archive, db: Connection, figures: ArchiveStatistics) -> ArchiveStatistics:
    position = checks.tally(db, now=archive.now()).next_id
    oldest = checks.following(db, position, 1) or checks.following(db, "", 1)
    files = (archive.root / f"{layout.CATALOG}{suffix}" for suffix in ("", "-wal"))
    free = shutil.disk_usage(archive.root).free
    return replace(
        figures,
        catalog_size_bytes=sum(f.stat().st_size for f in files if f.exists()),
        oldest_check=oldest[0].at if oldest else None,
        open_findings=checks.finding_count(db),
        alerts=alerts.open_ones(db),
        disk_free_bytes=free,
        days_until_disk_full=forecast_days(free, figures.net_bytes_per_day),
    )
