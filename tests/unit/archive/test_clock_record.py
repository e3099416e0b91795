from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged
from tests.unit.catalog import made

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.catalog import clock, entries
from pywats_archive.portable.uptime import UNKNOWN_BOOT, boot_id, uptime
from pywats_archive.retention.clock import judge


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def test_what_was_believed_outlives_a_restart(aged: Aged) -> None:
    """A new archive believes the clock, keeps that, and whoever opens it later builds on it."""
    known = aged.archive.clock.known()
    assert (known.at, known.boot_id) == (aged.now, "aged")
    aged.archive.close()
    aged.now += timedelta(days=3)
    assert aged.open().clock.known() == known
    with Archive.open(aged.archive.root) as reader:
        assert reader.clock.known() == known


def test_entries_of_a_doubt_are_known_as_misdated(aged: Aged) -> None:
    """What is received while the clock is doubted has an age that nobody knows, until the doubt ends."""
    first = _number(aged, aged.add().archive_id)
    aged._started += timedelta(days=400)  # the clock goes ahead, the machine has not lived it
    aged.now += timedelta(days=400)
    aged.archive.clock.update(lambda known, reading: judge(known, reading).known)
    last = [_number(aged, aged.add().archive_id) for _ in range(3)][-1]
    aged.now -= timedelta(days=400)
    aged._started -= timedelta(days=400)
    aged.archive.clock.update(lambda known, reading: judge(known, reading).known)
    with aged.archive.read() as db:
        (found,) = clock.misdated(db)
    assert (found.after_entry, found.upto_entry, found.received_by) == (first, last, aged.now)
    assert aged.archive.clock.known().doubted_after is None


@pytest.mark.parametrize("days", [-400, 400])
@pytest.mark.parametrize("is_seen", [True, False])
def test_what_was_received_before_anybody_looked_is_misdated_too(aged: Aged, days: int, is_seen: bool) -> None:
    """A source may be archived between the clock's jump and the next look at it, or the jump may be over by then."""
    first, jump = _number(aged, aged.add().archive_id), timedelta(days=days)
    aged._started, aged.now = aged._started + jump, aged.now + jump
    last = _number(aged, aged.add().archive_id)
    if is_seen:
        aged.archive.clock.update(lambda known, reading: judge(known, reading).known)
    aged._started, aged.now = aged._started - jump, aged.now - jump
    aged.archive.clock.update(lambda known, reading: judge(known, reading).known)
    with aged.archive.read() as db:
        (found,) = clock.misdated(db)
    assert (found.after_entry, found.upto_entry, found.received_by) == (first, last, aged.now)


def test_what_a_short_jump_misdated_is_found_between_other_entries(aged: Aged) -> None:
    """A clock may be wrong for a moment, back or ahead, and right again before the next check; an idle time is no jump."""
    numbers = []
    for days in (0, -400, 0, 400, 400, 0, -2):
        aged._started, aged.now = aged._started + timedelta(days=days), aged.now + timedelta(days=days)
        numbers.append(_number(aged, aged.add().archive_id))
        aged._started, aged.now = aged._started - timedelta(days=days), aged.now - timedelta(days=days)
    aged.now += timedelta(days=20)
    _number(aged, aged.add().archive_id)
    altered = made.entry(1, archive_id="1", created_at=aged.now)
    aged.archive.write(lambda tx: entries.add(tx, altered))
    for _ in range(2):
        aged.archive.clock.note_misdated()
        with aged.archive.read() as db:
            found = [(each.after_entry, each.upto_entry, each.received_by) for each in clock.misdated(db)]
        wrong = [(numbers[1], numbers[1]), (numbers[3], numbers[4]), (numbers[6], numbers[6])]
        assert found == [(first - 1, last, aged.now) for first, last in wrong]


def test_an_archive_of_an_earlier_version_begins_with_its_history(aged: Aged) -> None:
    """Without a record, the end of the history is the last moment that was believed; nothing is kept by who only reads."""
    aged.add()
    aged.archive.write(lambda tx: tx.exec_driver_sql("DELETE FROM clock"))
    assert not _doubt(aged)
    aged.now += timedelta(days=2)
    aged._started = aged.now
    assert "2026-11-24 12:00" in (_doubt(aged) or "")
    with aged.archive.read() as db:
        assert clock.known(db) is None
    aged.archive.close()
    aged.open()
    aged.now += timedelta(days=1)
    assert "2026-11-25 12:00" in (_doubt(aged) or "")


def test_a_doubt_of_an_earlier_version_goes_on(aged: Aged) -> None:
    """Its alert is open, and its last event, which the wrong clock dated, is no reason to believe."""
    aged.add()
    insert = "INSERT INTO alerts VALUES ('retention.clock', 'a', '2026-11-24T12:00:00.000000+00:00', '{}')"
    aged.archive.write(lambda tx: tx.exec_driver_sql("DELETE FROM clock"))
    aged.archive.write(lambda tx: tx.exec_driver_sql(insert))
    assert "nobody has confirmed it" in (_doubt(aged) or "")


def test_a_rebuilt_catalog_goes_by_its_newest_entry(aged: Aged) -> None:
    """The event of the rebuilding is dated by a clock that nobody knows: it is no reason to believe that clock."""
    aged.add()
    aged.archive.close()
    aged.now += timedelta(days=400)
    aged._started = aged.now
    rebuild(aged.archive.root)
    assert "2026-11-24 12:00" in (_doubt_in(aged.open()) or "")


def test_uptime_counts_on_and_names_the_start() -> None:
    """The uptime goes on with the time, by one start of the machine."""
    before = uptime(windows=False)
    time.sleep(0.01)
    after = uptime(windows=False)
    assert 0.01 <= after.seconds - before.seconds < 60 and before.boot_id == after.boot_id == boot_id()


def test_windows_uptime_is_its_tick_count() -> None:
    """GetTickCount64 gives milliseconds, with sleep."""
    assert uptime(windows=True, ticks_ms=lambda: 5_000_000_000).seconds == 5_000_000
    assert boot_id() != "" and UNKNOWN_BOOT


def _doubt(aged: Aged) -> str | None:
    return _doubt_in(aged.archive)


def _doubt_in(archive: Archive) -> str | None:
    return judge(archive.clock.known(), archive.clock.reading()).doubt


def _number(aged: Aged, archive_id: str) -> int:
    with aged.archive.read() as db:
        query = f"SELECT entry_no FROM archive_entries WHERE archive_id = '{archive_id}'"
        return int(db.exec_driver_sql(query).scalar_one())
