"""The figures of the Overview: growth, days, reasons and times."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from pywats_archive.models.operation.growth import Growth, growth_of
from pywats_archive.models.operation.service import Pulse, ServiceState
from pywats_archive.models.operation.statistics import DayStatistics, OpenAlert, combined
from pywats_archive.models.operation.trends import FailedFor, FailureReason, added_up, reason_of, times_of
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


def _grown(size: int, limit: int | None, *purges: Purge, per_day: int = 100) -> Growth:
    figures = replace(
        combined([], "C"),
        by_day=(_day(2), _day(1), _day(0)),
        disk_size_bytes=size,
        net_bytes_per_day=per_day,
        max_size_bytes=limit,
    )
    return growth_of(figures, purges, today=TODAY)


def _growth(size: int, limit: int | None, *purges: Purge, per_day: int = 100) -> chart.GrowthChart:
    return chart.growth(_grown(size, limit, *purges, per_day=per_day))


def test_an_alert_leads_to_what_it_is_about() -> None:
    """A page has links where the command names commands; an alert without an entry keeps its details."""
    details: dict[str, object] = {"reason": "pn is missing", "archive_id": "20261128_a", "see": "'pywats-archive list'"}
    refused = OpenAlert(name="reports.refused", subject="xml", details=details, raised_at=NOON)
    first, second = overview.alerts([refused, replace(refused, details={"see": "the log"})], now=NOON)
    assert first.links == (("/entries/20261128_a", "Example"), ("/archives?submission=refused", "Refused reports"))
    assert "pn is missing" in first.text and "pywats-archive" not in first.text
    assert second.links == () and "see the log" in second.text


def test_growth_counts_back_from_today() -> None:
    """Each day's size is the next one's without what came, and with what was purged since; never below zero."""
    grown = _grown(2500, None, _purge(1, 500))
    assert [each.size_bytes for each in grown.days] == [0, 1000, 1500, 2500]
    assert grown.forecast.day == TODAY + timedelta(days=14)
    found = chart.growth(grown)
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


def test_the_days_as_a_table() -> None:
    """The latest day comes first, with the counts of each converter; days without any file are left out."""
    first = chart.days([_day(0, entries=3, failed=1), _day(2)], today=TODAY, number=4)
    second = chart.days([_day(2, entries=7)], today=TODAY, number=4)
    table = chart.by_day([("A", first), ("B", second)])
    assert [(row.day, [(name, bar.entries, bar.failed) for name, bar in row.cells]) for row in table] == [
        (TODAY, [("A", 3, 1), ("B", 0, 0)]),
        (TODAY - timedelta(days=2), [("A", 10, 0), ("B", 7, 0)]),
    ]
    assert chart.by_day([]) == ()


def test_bars_are_on_one_scale_and_always_seen() -> None:
    """The longest has its full length; a small one is still seen, and nothing has none."""
    assert [chart.width(each, 5000) for each in (5000, 2500, 1, 0)] == [100, 50, 1, 0] and chart.width(0, 0) == 0


@pytest.mark.parametrize(
    ("state", "alerts", "text", "tone"),
    [
        (ServiceState.RUNNING, 0, "Running", "good"),
        (ServiceState.RUNNING, 1, "Running, 1 alert", "warn"),
        (ServiceState.STOPPED, 2, "Stopped, 2 alerts", "warn"),
        (ServiceState.DIED, 0, "Died", "bad"),
    ],
)
def test_the_state_at_a_glance(state: ServiceState, alerts: int, text: str, tone: str) -> None:
    """Every page says in a word how the service is, and how many alerts are open."""
    assert overview.glance(Pulse(state=state, alerts=alerts)) == overview.Line(text=text, tone=tone)


def test_one_reason_for_many_files() -> None:
    """What differs from file to file does not make another reason; a reason is text that an address can hold."""
    errors = [f"ValueError: line {n} of '/in/SN{n}.csv': no  header\nmore {n}" for n in range(3)]
    assert {reason_of(each) for each in errors} == {"ValueError: line … of …: no header"}
    assert reason_of("KeyError: 'sn'") == "KeyError: …"
    assert reason_of("") == reason_of("42") == "…" and len(reason_of("word " * 1000)) <= 200
    assert reason_of("a\0b \udcff\tc") == "a…b ? c"


def test_reasons_of_several_archives_are_added_up() -> None:
    """The most frequent one comes first, with its newest failure; no more than asked for are returned."""
    failed = [FailedFor("a", 2, NOON), FailedFor("b", 4, NOON), FailedFor("a", 3, NOON + timedelta(hours=1))]
    assert added_up(failed, limit=10) == (FailedFor("a", 5, NOON + timedelta(hours=1)), FailedFor("b", 4, NOON))
    assert added_up([FailedFor(str(n), 1, NOON) for n in range(30)], limit=10)[-1].reason == "17"


def test_the_address_of_a_reason() -> None:
    """It lists the entries that the reason counts: of these days, today included, without those that were purged."""
    reason = FailureReason(reason="no header", entries=1, newest_at=NOON, example="no header")
    (row,) = overview.reasons([reason], today=TODAY, days=30)
    assert row.address == "/archives?reason=no+header&from=2026-10-30&purged=no"


def test_times_are_of_the_middle() -> None:
    """One slow conversion does not move the typical time."""
    found = times_of("C", [10] * 95 + [500] * 4 + [90_000])
    assert (found.median_ms, found.slow_ms, found.longest_ms, found.conversions) == (10, 10, 90_000, 100)
    assert times_of("C", [7]).slow_ms == 7
