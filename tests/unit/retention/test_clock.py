from __future__ import annotations

from datetime import datetime, timedelta

from pywats_archive.models.time import UTC
from pywats_archive.retention.clock import ClockWatch

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY_S = 24 * 3600.0


def test_a_clock_that_goes_with_the_time_is_believed() -> None:
    """Small corrections, a minute a look, are no jump, however many they are."""
    watch = ClockWatch(NOON, 0.0, newest_event=NOON - timedelta(days=6))
    for look in range(200):
        assert watch.doubt(NOON + timedelta(minutes=look * 61), look * 3600.0) is None


def test_a_jump_is_doubted_until_it_is_taken_back() -> None:
    """Ahead or back, a jump stops the purge at once; set right again, the clock is believed at once."""
    watch = ClockWatch(NOON, 0.0, newest_event=NOON)
    assert "3650 days ahead" in (watch.doubt(NOON + timedelta(days=3650), 1.0) or "")
    assert watch.doubt(NOON + timedelta(days=3650), 2.0)
    assert watch.doubt(NOON + timedelta(seconds=3), 3.0) is None
    assert "5 hours back" in (watch.doubt(NOON - timedelta(hours=5), 4.0) or "")


def test_a_jump_that_stays_is_believed_after_a_day() -> None:
    """A person had a day to see the alert; then the new time counts."""
    watch = ClockWatch(NOON, 0.0, newest_event=NOON)
    assert watch.doubt(NOON + timedelta(days=30), 1.0)
    assert watch.doubt(NOON + timedelta(days=31), DAY_S - 1)
    assert watch.doubt(NOON + timedelta(days=31), DAY_S + 2) is None


def test_a_start_long_after_or_before_the_last_event_is_doubted() -> None:
    """A station that was off for weeks, or whose clock went wrong while it was off, purges nothing for a day."""
    late = ClockWatch(NOON, 0.0, newest_event=NOON - timedelta(days=40))
    assert late.doubt(NOON, 1.0) and late.doubt(NOON + timedelta(days=1), DAY_S + 1) is None
    assert ClockWatch(NOON, 0.0, newest_event=NOON + timedelta(hours=3)).doubt(NOON, 1.0)
    assert ClockWatch(NOON, 0.0, newest_event=None).doubt(NOON, 1.0) is None
