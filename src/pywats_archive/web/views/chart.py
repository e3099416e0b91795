"""Numbers as the marks of charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pywats_archive.models.operation.statistics import DayStatistics
from pywats_archive.models.retention.purge import Purge
from pywats_archive.words.sizes import human_size

WIDTH, HEIGHT = 720, 160
_PAST, _FUTURE = 30, 14
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
class Growth:
    """The size on disk over the last days, with its forecast."""

    points: tuple[Point, ...]
    line: str
    forecast: str
    forecast_bytes: int
    days_ahead: int
    limit_y: float | None
    """None if there is no limit, or if it is far above the data."""
    limit_bytes: int | None
    top: str
    """The size at the upper end of the chart."""


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


def growth(
    by_day: Sequence[DayStatistics],
    purges: Iterable[Purge],
    *,
    size_bytes: int,
    bytes_per_day: int,
    limit_bytes: int | None,
    today: date,
) -> Growth:
    """Return the growth: backwards from today's size by what came in and what was purged, forwards by the present growth."""
    sizes = _sizes(by_day, purges, size_bytes, today)
    ahead = max(size_bytes + bytes_per_day * _FUTURE, 0)
    most = max(*sizes.values(), ahead, 1)
    shows_limit = limit_bytes is not None and limit_bytes <= _SIGHT * most
    top = max(most, limit_bytes or 0) if shows_limit else most
    points = tuple(
        Point(day=day, size_bytes=size, x=_x(at, len(sizes)), y=_y(size, top))
        for at, (day, size) in enumerate(sizes.items())
    )
    return Growth(
        points=points,
        line=" ".join(f"{point.x},{point.y}" for point in points),
        forecast=f"{points[-1].x},{points[-1].y} {WIDTH},{_y(ahead, top)}",
        forecast_bytes=ahead,
        days_ahead=_FUTURE,
        limit_y=_y(limit_bytes, top) if shows_limit and limit_bytes is not None else None,
        limit_bytes=limit_bytes,
        top=human_size(top),
    )


def _sizes(
    by_day: Sequence[DayStatistics], purges: Iterable[Purge], size_bytes: int, today: date
) -> Mapping[date, int]:
    came, freed = {each.day: each.disk_size_bytes for each in by_day}, dict[date, int]()
    for purge in purges:
        day = purge.purge_timestamp.date()
        freed[day] = freed.get(day, 0) + purge.bytes_freed
    found, size = dict[date, int](), size_bytes
    first = min(came, default=today)
    for back in range(min(_PAST, (today - first).days + 2)):
        day = today - timedelta(days=back)
        found[day] = max(size, 0)
        size += freed.get(day, 0) - came.get(day, 0)
    return dict(reversed(found.items()))


def _x(at: int, number: int) -> float:
    return round(WIDTH * at / (number - 1 + _FUTURE), 1)


def _y(size: int, top: int) -> float:
    return round(HEIGHT * (1 - size / top), 1)
