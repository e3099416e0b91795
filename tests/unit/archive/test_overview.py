"""What a person is shown of an archive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview.recent import recent
from pywats_archive.archive.overview.waiting import last_accepted, waiting
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.time import UTC

NOW = datetime(2026, 2, 13, 3, tzinfo=UTC)
"""Still the twelfth in New York, where it is ten in the evening."""


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.posix("sets the time zone of the process")
def test_days_are_those_of_the_station(tmp_path: Path, in_new_york: None) -> None:
    """What came in before midnight is today's, although the day of UTC is the next one."""
    moments = [NOW]
    with Archive.open(tmp_path / "a", create=True, own=True, clock=lambda: moments[0]) as archive:
        for hours in (0, 4, 21, 23, 24 * 6, 24 * 8):
            moments[0] = NOW - timedelta(hours=hours)
            ledger.enter(archive, "ICT", [ledger.Sighting(path=f"/{hours}", size_bytes=1, mtime_ns=1)])
        found = recent(archive, today=date(2026, 2, 12), days=7)
        assert [(account.day.day, account.came_in) for account in found] == [(12, 3), (11, 1), (6, 1)]
        assert recent(archive, today=date(2026, 2, 12), days=1) == found[:1]


def test_the_oldest_unfinished_source_is_named(tmp_path: Path) -> None:
    """Finished ones do not count, and an empty archive has nothing."""
    with Archive.open(tmp_path / "a", create=True, own=True) as archive:
        assert (waiting(archive).sources, waiting(archive).oldest_at, last_accepted(archive)) == (0, None, None)
        sightings = [ledger.Sighting(path=f"/{name}", size_bytes=1, mtime_ns=1) for name in "abc"]
        first, second, _ = ledger.enter(archive, "ICT", sightings)
        ledger.set_arrival(archive, first.number, ArrivalState.DONE)
        found = waiting(archive)
        assert (found.sources, found.by_state, found.oldest_path) == (2, {"seen": 2}, "/b")
        assert found.oldest_at == second.first_seen_at
        ledger.enter(archive, "A", sightings)
        assert (waiting(archive).sources, waiting(archive).oldest_path) == (5, "/b")
