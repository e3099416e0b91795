"""Numbers as the marks of charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pywats_archive.models.operation.growth import Growth
from pywats_archive.models.operation.statistics import DayStatistics
from pywats_archive.words.sizes import human_size

WIDTH, HEIGHT = 720, 160
_SIGHT = 4
"""A limit more than so many times above the data would flatten it, so it is only named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """What came in on one day."""

    day: date
    entries: int
    failed: int
    x: float
    height: float
    failed_height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """The size on disk at the end of one day."""

    day: date
    size_bytes: int
    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GrowthChart:
    """The size on disk over the last days, with its forecast."""

    points: tuple[Point, ...]
    line: str
    forecast: str
    forecast_bytes: int
    days_ahead: int
    limit_y: float | None
    """None if there is no limit, or if it is far above the data."""
    limit_bytes: int | None
    days_until_limit: float | None
    top: str
    """The size at the upper end of the chart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayRow:
    """What came in on one day, by converter."""

    day: date
    cells: tuple[tuple[str, Bar], ...]
    """Name and counts of each converter."""


def days(by_day: Iterable[DayStatistics], *, today: date, number: int = 14, height: int = 24) -> tuple[Bar, ...]:
    """Return a bar for each of the last days, also for those on which nothing came."""
    known = {each.day: each for each in by_day}
    wanted = [today - timedelta(days=back) for back in reversed(range(number))]
    most = max((known[day].entries for day in wanted if day in known), default=0)
    return tuple(_bar(day, known.get(day), 10.0 * at, height / most if most else 0) for at, day in enumerate(wanted))


def _bar(day: date, given: DayStatistics | None, x: float, scale: float) -> Bar:
    entries, failed = (given.entries, given.failed) if given else (0, 0)
    least = 1.5
    return Bar(
        day=day,
        entries=entries,
        failed=failed,
        x=x,
        height=round(max(entries * scale, least if entries else 0), 1),
        failed_height=round(max(failed * scale, least if failed else 0), 1),
    )


def by_day(rows: Sequence[tuple[str, Sequence[Bar]]]) -> tuple[DayRow, ...]:
    """Return the bars of converters as rows of a table, the latest day first; days without any file are left out."""
    found = []
    for bars in zip(*(bars for _, bars in rows), strict=True):
        if any(bar.entries for bar in bars):
            cells = tuple(zip((name for name, _ in rows), bars, strict=True))
            found.append(DayRow(day=bars[0].day, cells=cells))
    return tuple(reversed(found))


def width(value: float, most: float) -> float:
    """Return the length of a bar in hundredths of the longest one; what is not zero is seen."""
    return round(max(100 * value / most, 1.0), 1) if value and most else 0.0


def growth(found: Growth) -> GrowthChart:
    """Return the growth as a line of the last days, and one of the forecast."""
    ahead, days_ahead = found.forecast.size_bytes, (found.forecast.day - found.days[-1].day).days
    most = max(*(each.size_bytes for each in found.days), ahead, 1)
    limit = found.limit_bytes if found.limit_bytes is not None and found.limit_bytes <= _SIGHT * most else None
    top = max(most, limit or 0)
    last = len(found.days) - 1 + days_ahead
    points = tuple(
        Point(day=each.day, size_bytes=each.size_bytes, x=round(WIDTH * at / last, 1), y=_y(each.size_bytes, top))
        for at, each in enumerate(found.days)
    )
    return GrowthChart(
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points),
        forecast=f"{points[-1].x},{points[-1].y} {WIDTH},{_y(ahead, top)}",
        forecast_bytes=ahead,
        days_ahead=days_ahead,
        limit_y=None if limit is None else _y(limit, top),
        limit_bytes=found.limit_bytes,
        days_until_limit=found.days_until_limit,
        top=human_size(top),
    )


def _y(size: int, top: int) -> float:
    return round(HEIGHT * (1 - size / top), 1)
