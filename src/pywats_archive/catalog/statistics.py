"""The figures of an archive, from sums that are updated with each entry: their cost does not depend on the number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.models.operation.statistics import GROWTH_DAYS, ArchiveStatistics, DayStatistics
from pywats_archive.models.report import SubmissionState

_PURGED, _FAILED = "PURGED", "FAILED"
_SUMS = (
    "entries, warned, source_size_bytes, compressed_size_bytes, disk_size_bytes, reports, reports_size_bytes, "
    "reports_compressed_bytes"
)
_FIGURES = f"SELECT converter_name, day, status, {_SUMS} FROM entry_figures {{}} ORDER BY day"
_END = "SELECT {}(archive_id) FROM archive_entries WHERE converter_name = ? AND purged_at IS NULL"
_CREATED = "SELECT created_at FROM archive_entries WHERE archive_id = ?"
_SUBMISSIONS = (
    "SELECT e.converter_name, count(*) FROM reports r JOIN archive_entries e ON e.archive_id = r.archive_id "
    "WHERE r.submission_state = ? AND e.purged_at IS NULL GROUP BY 1"
)
_FREED = "SELECT converter_name, sum(bytes_freed) FROM purge_history WHERE purge_timestamp >= ? GROUP BY 1"
_DISK_SIZE = (
    "SELECT coalesce(sum(disk_size_bytes), 0), coalesce(sum(entries), 0) FROM entry_figures WHERE {} status <> 'PURGED'"
)
_GROWTH_WINDOW = timedelta(days=7)


class _Row(NamedTuple):
    converter_name: str
    day: str
    status: str
    entries: int
    warned: int
    source_size_bytes: int
    compressed_size_bytes: int
    disk_size_bytes: int
    reports: int
    reports_size_bytes: int
    reports_compressed_bytes: int


def statistics(db: Connection, converter_name: str | None, *, now: datetime) -> ArchiveStatistics:
    """Return the figures of all entries, with those of each converter, or of one converter."""
    where, values = ("WHERE converter_name = ?", (converter_name,)) if converter_name else ("", ())
    rows = list(map(_Row._make, execute(db, _FIGURES.format(where), values)))
    names = [converter_name] if converter_name else sorted({row.converter_name for row in rows})
    beside = _Beside(db, names, now)
    if converter_name:
        return _figures(rows, converter_name, names, beside)
    grouped: dict[str, list[_Row]] = {name: [] for name in names}
    for row in rows:
        grouped[row.converter_name].append(row)
    each = tuple(_figures(mine, name, [name], beside) for name, mine in grouped.items())
    return _figures(rows, None, names, beside, by_converter=each)


def disk_size(db: Connection, converter_name: str | None = None) -> tuple[int, int]:
    """Return the disk space of the archived bytes, of all converters or one, and the number of entries."""
    if converter_name is None:
        size, number = execute(db, _DISK_SIZE.format("")).fetchone()
    else:
        size, number = execute(db, _DISK_SIZE.format("converter_name = ? AND"), (converter_name,)).fetchone()
    return int(size), int(number)


def recent_failures(db: Connection, since: datetime) -> dict[str, int]:
    """Count the entries whose latest conversion failed since then, by converter."""
    since_then = "WHERE conversion_status = 'FAILED' AND conversion_timestamp >= ?"
    query = f"SELECT converter_name, count(*) FROM archive_entries {since_then} GROUP BY 1"
    return dict(execute(db, query, (moment_to_text(since),)).fetchall())


class _Beside:
    """The figures that are not kept as sums; each costs an index lookup, and one row for each waiting or refused report."""

    def __init__(self, db: Connection, names: list[str], now: datetime) -> None:
        self.now = now
        self.waiting = dict(execute(db, _SUBMISSIONS, (SubmissionState.WAITING.value,)).fetchall())
        self.refused = dict(execute(db, _SUBMISSIONS, (SubmissionState.REFUSED.value,)).fetchall())
        self.freed = dict(execute(db, _FREED, (moment_to_text(now - _GROWTH_WINDOW),)).fetchall())
        self.oldest = {name: _created(db, name, "min") for name in names}
        self.newest = {name: _created(db, name, "max") for name in names}


def _created(db: Connection, converter_name: str, end: str) -> datetime | None:
    (archive_id,) = execute(db, _END.format(end), (converter_name,)).fetchone()
    if archive_id is None:
        return None
    return datetime.fromisoformat(execute(db, _CREATED, (archive_id,)).fetchone()[0])


def _figures(
    rows: list[_Row],
    converter_name: str | None,
    names: list[str],
    beside: _Beside,
    *,
    by_converter: tuple[ArchiveStatistics, ...] = (),
) -> ArchiveStatistics:
    kept = [row for row in rows if row.status != _PURGED]
    purged = [row for row in rows if row.status == _PURGED]
    by_status: dict[str, int] = {}
    for row in kept:
        by_status[row.status] = by_status.get(row.status, 0) + row.entries
    by_status = {status: number for status, number in sorted(by_status.items()) if number}
    whole = _sum(kept, "source_size_bytes", "reports_size_bytes")
    compressed = _sum(kept, "compressed_size_bytes", "reports_compressed_bytes")
    per_day = _per_day(rows, beside.now)
    freed = sum(beside.freed.get(name, 0) for name in names)
    came_in = per_day.get("7", 0.0)
    return ArchiveStatistics(
        converter_name=converter_name,
        total_entries=_sum(kept, "entries"),
        by_status=by_status,
        source_size_bytes=_sum(kept, "source_size_bytes"),
        compressed_size_bytes=_sum(kept, "compressed_size_bytes"),
        report_count=_sum(kept, "reports"),
        report_size_bytes=_sum(kept, "reports_size_bytes"),
        report_compressed_size_bytes=_sum(kept, "reports_compressed_bytes"),
        waiting_reports=sum(beside.waiting.get(name, 0) for name in names),
        refused_reports=sum(beside.refused.get(name, 0) for name in names),
        warned_entries=_sum(kept, "warned"),
        compression_ratio=round(whole / compressed, 2) if compressed else 0.0,
        oldest_entry=min(filter(None, (beside.oldest[name] for name in names)), default=None),
        newest_entry=max(filter(None, (beside.newest[name] for name in names)), default=None),
        disk_size_bytes=_sum(kept, "disk_size_bytes"),
        purged_entries=_sum(purged, "entries"),
        purged_size_bytes=_sum(purged, "disk_size_bytes"),
        failed_entries=by_status.get(_FAILED, 0),
        bytes_per_day={window: round(size) for window, size in per_day.items()},
        net_bytes_per_day=round(came_in - freed / _days_known(rows, beside.now, _GROWTH_WINDOW.days)),
        by_converter=by_converter,
        by_day=_by_day(rows),
    )


def _sum(rows: Iterable[_Row], *names: str) -> int:
    return sum(getattr(row, name) for row in rows for name in names)


def _per_day(rows: list[_Row], now: datetime) -> dict[str, float]:
    """Return the bytes that arrived per day, from the beginning of the day that many days ago until now."""
    found = {}
    for window in GROWTH_DAYS:
        first = f"{now - timedelta(days=window):%Y%m%d}"
        came = sum(row.disk_size_bytes for row in rows if row.day >= first)
        found[str(window)] = came / _days_known(rows, now, window)
    return found


def _days_known(rows: list[_Row], now: datetime, window: int) -> float:
    """Return the length of the window with entries: from the beginning of its first day, at least a day."""
    today = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(days=1)
    if not rows:
        return window + today
    age = (now.date() - _day(rows[0].day)).days + today
    return max(1.0, min(window + today, age))


def _by_day(rows: list[_Row]) -> tuple[DayStatistics, ...]:
    """Add up the rows of each day; a station has thousands of them, so that each row is read once."""
    days: dict[str, list[int]] = {}
    for _, day, status, entries, _, source_size, _, disk_size, *_ in rows:
        sums = days.get(day)
        if sums is None:
            sums = days[day] = [0, 0, 0, 0, 0]
        sums[0] += entries
        if status == _FAILED:
            sums[1] += entries
        elif status == _PURGED:
            sums[2] += entries
        sums[3] += source_size
        sums[4] += disk_size
    return tuple(
        DayStatistics(
            day=_day(day), entries=entries, failed=failed, purged=purged, source_size_bytes=source, disk_size_bytes=disk
        )
        for day, (entries, failed, purged, source, disk) in days.items()
    )


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
