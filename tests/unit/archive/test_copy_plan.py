"""When a copy of the catalog is due, and which copies stay."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pywats_archive.archive.copies.plan import CatalogCopy, copy_named, is_due, lack_of_room, newest, superseded

NOW = datetime(2026, 2, 13, 2, 0, 0, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_name_says_when_and_why_a_copy_was_made() -> None:
    """The file name alone decides, so that a copy from another computer counts too."""
    for copy in (CatalogCopy(at=NOW), CatalogCopy(at=NOW, is_before_migration=True)):
        assert copy_named(copy.name) == copy
    assert CatalogCopy(at=NOW).name == "20260213T020000Z_metadata.db.gz"
    for name in ("metadata.db.gz", "20261313T020000Z_metadata.db.gz", ".1-2.part", "20260213T020000Z_metadata.db"):
        assert copy_named(name) is None


@pytest.mark.parametrize(
    ("newest", "first_entry", "began", "expected"),
    [
        (None, None, NOW, False),
        (None, NOW - HOUR, NOW - 2 * HOUR, True),
        (None, NOW - HOUR / 2, NOW - 2 * HOUR, False),
        (None, NOW - HOUR / 2, NOW - HOUR / 4, True),
        (NOW - DAY, NOW - 9 * DAY, NOW, True),
        (NOW - DAY + HOUR, NOW - 9 * DAY, NOW, False),
        (NOW + 2 * DAY, NOW - 9 * DAY, NOW, True),
        (NOW + 2 * DAY, NOW - HOUR / 2, NOW - 2 * HOUR, False),
    ],
)
def test_a_copy_is_due_daily_and_first_an_hour_after_the_first_entry(
    newest: datetime | None, first_entry: datetime | None, began: datetime, expected: bool
) -> None:
    """A start copies what an earlier run archived at once; a copy from the future does not stop further ones."""
    copies = [CatalogCopy(at=newest)] if newest else []
    assert is_due(copies, first_entry=first_entry, began=began, now=NOW) is expected


def test_a_week_stays_and_the_last_copy_before_a_migration() -> None:
    """The newest copy is never removed, nor the newest one of a day among the last seven that have one."""
    days = [CatalogCopy(at=NOW - number * DAY) for number in (0, 1, 2, 5, 6, 7, 8, 20)]
    earlier_today = CatalogCopy(at=NOW - HOUR)
    migrations = [CatalogCopy(at=NOW - number * DAY, is_before_migration=True) for number in (90, 300)]
    gone = superseded([*days, earlier_today, *migrations], now=NOW)
    assert gone == (migrations[1], days[-1], earlier_today)
    assert superseded(days[:1], now=NOW) == superseded([], now=NOW) == ()


def test_copies_from_the_future_do_not_drive_out_what_is_copied_now() -> None:
    """Copies that were made while the clock was wrong count as the oldest ones."""
    future = [CatalogCopy(at=NOW + number * DAY) for number in range(300, 308)]
    now = CatalogCopy(at=NOW)
    assert superseded([*future, now], now=NOW) == tuple(future[:2])
    week = [CatalogCopy(at=NOW - number * DAY) for number in range(7)]
    assert superseded([*future, *week], now=NOW) == tuple(future)
    assert newest([*future, *week], now=NOW) == now and newest(future, now=NOW) is None


def test_a_disk_that_would_get_low_gets_no_copy() -> None:
    """The reason says how much would be needed."""
    assert lack_of_room(free_bytes=2_000_000_000, least_bytes=1_000_000_000, catalog_bytes=100_000_000) is None
    reason = lack_of_room(free_bytes=1_100_000_000, least_bytes=1_000_000_000, catalog_bytes=100_000_000)
    assert reason and "0.22 GB" in reason and "1.10 GB" in reason
