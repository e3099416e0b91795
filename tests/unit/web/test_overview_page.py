"""The figures of the Overview: growth, days, reasons and times."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from pywats_archive.models.operation.statistics import DayStatistics
from pywats_archive.models.operation.trends import FailedWith, grouped, reason_of, times_of
from pywats_archive.models.retention.purge import Purge, PurgeReason
from pywats_archive.web.views import chart, overview

TODAY = date(2026, 11, 28)
NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)


def _day(back: int, *, entries: int = 10, failed: int = 0, size: int = 1000) -> DayStatistics:
    day = TODAY - timedelta(days=back)
    return DayStatistics(day=day, entries=entries, failed=failed, purged=0, source_size_bytes=0, disk_size_bytes=size)


def _purge(back: int, size: int) -> Purge:
    at = NOON - timedelta(days=back)
    return Purge(
        purge_timestamp=at,
        converter_name="C",
        archives_purged=1,
        bytes_freed=size,
        reason=PurgeReason.MANUAL,
        actor="ann",
        finished_at=at,
    )


def _growth(size: int, limit: int | None, *purges: Purge, per_day: int = 100) -> chart.Growth:
    by_day = [_day(2), _day(1), _day(0)]
    return chart.growth(by_day, purges, size_bytes=size, bytes_per_day=per_day, limit_bytes=limit, today=TODAY)


def test_growth_counts_back_from_today() -> None:
    """Each day's size is the next one's without what came, and with what was purged since; never below zero."""
    found = _growth(2500, None, _purge(1, 500))
    assert [point.size_bytes for point in found.points] == [0, 1000, 1500, 2500]
    assert found.points[-1].day == TODAY
    assert found.forecast_bytes == 2500 + 14 * 100 and found.forecast.startswith(f"{found.points[-1].x},")


def test_a_limit_is_drawn_if_it_does_not_flatten_the_data() -> None:
    """A limit far above is only named; a chart without data has a height too."""
    near, far, empty = _growth(3000, 5000), _growth(3000, 10**9), _growth(0, None, per_day=-10)
    assert near.limit_y == 0 and far.limit_y is None and far.limit_bytes == 10**9
    assert empty.forecast_bytes == 0 and all(0 <= point.y <= chart.HEIGHT for point in empty.points)


def test_days_without_files_have_a_place() -> None:
    """There is a bar for each day; a day with one failed file among many is seen."""
    bars = chart.days([_day(0, entries=1000, failed=1), _day(20)], today=TODAY)
    assert len(bars) == 14 and bars[-1].failed_height >= 1 and bars[-1].height == 24
    assert all(not bar.entries and not bar.height for bar in bars[:-1])


def test_one_reason_for_many_files() -> None:
    """What differs from file to file does not make another reason, and its words find each of them."""
    errors = [f"ValueError: line {n} of '/in/SN{n}.csv': no header\nmore {n}" for n in range(3)] + ["KeyError: 'sn'"]
    found = grouped([FailedWith(each, 2, NOON + timedelta(hours=n)) for n, each in enumerate(errors)], limit=10)
    assert [(each.reason, each.entries) for each in found] == [
        ("ValueError: line … of …: no header", 6),
        ("KeyError: …", 2),
    ]
    assert found[0].words == "ValueError: line of no header" and found[0].newest_at == NOON + timedelta(hours=2)
    assert len(grouped([FailedWith(f"{'a' * n}", 1, NOON) for n in range(1, 30)], limit=10)) == 10
    assert reason_of("") == reason_of("42") == "…" and len(reason_of("word " * 1000)) <= 200


def test_the_address_of_a_reason() -> None:
    """It leads to the failed entries of these days with these words."""
    (row,) = overview.reasons(grouped([FailedWith("no header", 1, NOON)], limit=1), today=TODAY, days=30)
    assert row.address == "/archives?q=no+header&status=failed&from=2026-10-29"


def test_times_are_of_the_middle() -> None:
    """One slow conversion does not move the typical time."""
    found = times_of("C", [10] * 95 + [500] * 4 + [90_000])
    assert (found.median_ms, found.slow_ms, found.longest_ms, found.conversions) == (10, 10, 90_000, 100)
    assert times_of("C", [7]).slow_ms == 7
