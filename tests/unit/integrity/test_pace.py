from __future__ import annotations

from datetime import timedelta

from pywats_archive.integrity.pace import Pace, gentlest

MONTH = Pace(interval=timedelta(days=30), bytes_per_s=10e6)


def test_a_blob_is_due_before_its_interval_is_over() -> None:
    """There is time left for stations that are off over night, and less of it is given away while sources wait."""
    idle, busy = MONTH.due_age(is_busy=False), MONTH.due_age(is_busy=True)
    assert idle < busy < MONTH.interval
    assert not MONTH.is_late(busy)
    assert MONTH.is_late(timedelta(days=31))


def test_reading_rests_by_bytes_and_by_time() -> None:
    """Large blobs are held to the rate; small ones, which cost processor time, to a tenth of the time."""
    assert MONTH.rest_s(read_bytes=50_000_000, spent_s=0.1) == 5 - 0.1
    assert MONTH.rest_s(read_bytes=100, spent_s=0.01) >= 0.09 - 1e-9


def test_the_gentlest_pace_keeps_every_promise() -> None:
    """An archive that converters share is read as often as the strictest of them wants, and no faster than any allows."""
    quick = Pace(interval=timedelta(days=1), bytes_per_s=20e6)
    assert gentlest([MONTH, quick]) == Pace(interval=timedelta(days=1), bytes_per_s=10e6)
