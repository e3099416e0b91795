"""Entries that were received while the clock was doubted: their ids do not say how old they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.aged import Aged

from pywats_archive.archive.repair.rebuild import Rebuilding, rebuild
from pywats_archive.errors import RetentionHeldBack
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.retention.clock import Voucher
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.retention import enforcing
from pywats_archive.retention.clock import judge, vouched

BY_AGE = RetentionPolicy(converter_name="c", retention_days=30)
BACK, AHEAD = timedelta(days=-2500), timedelta(days=400)


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def set_clock(aged: Aged, by: timedelta) -> None:
    """Set the clock without the time that this would take, and have that judged."""
    aged.now += by
    aged._started += by
    look(aged)


def look(aged: Aged) -> None:
    aged.archive.clock.update(lambda known, reading: judge(known, reading).known)


def purge(aged: Aged, policy: RetentionPolicy) -> int:
    trust = enforcing.trust_in(aged.archive)
    done = enforcing.enforce(aged.archive, policy, confirmed=True, trust=trust, even_doubted=True)
    return done.archives_purged


def kept(aged: Aged, entries: list[ArchiveEntry]) -> list[bool]:
    return [not aged.archive.entry(each.archive_id).purged_at for each in entries]


def of_size(entries: list[ArchiveEntry], *, min_days: int = 0, min_entries: int = 0) -> RetentionPolicy:
    """A policy under which so many entries fit."""
    fits_gb = sum(each.disk_size_bytes for each in entries) / 1e9
    return RetentionPolicy(converter_name="c", max_size_gb=fits_gb, min_days=min_days, min_entries=min_entries)


@pytest.mark.parametrize("by", [BACK, AHEAD])
def test_what_came_under_a_wrong_clock_is_as_old_as_its_end(aged: Aged, by: timedelta) -> None:
    """Once the clock is right, what was received meanwhile stays for all of its days, and then it goes (invariant 7)."""
    set_clock(aged, by)
    entries = [aged.add() for _ in range(3)]
    assert purge(aged, BY_AGE) == 0
    set_clock(aged, -by)
    assert purge(aged, BY_AGE) == 0
    aged.now += timedelta(days=30)
    assert purge(aged, BY_AGE) == 0
    aged.now += timedelta(days=1)
    look(aged)
    assert purge(aged, BY_AGE) == 3 and kept(aged, entries) == [False] * 3


@pytest.mark.parametrize("by", [BACK, AHEAD])
def test_a_size_limit_purges_the_oldest_by_any_clock(aged: Aged, by: timedelta) -> None:
    """While the clock is doubted and after, what came last is never taken for the oldest (invariant 7)."""
    entries = [aged.add(days_ago=days) for days in (3, 2, 1)]
    set_clock(aged, by)
    entries += [aged.add() for _ in range(3)]
    assert purge(aged, of_size(entries[2:])) == 2
    set_clock(aged, -by)
    for _ in range(2):
        aged.now += timedelta(hours=1)
        entries.append(aged.add())
    assert purge(aged, of_size(entries[4:])) == 2
    assert kept(aged, entries) == [False] * 4 + [True] * 4
    assert purge(aged, of_size(entries[7:])) == 3
    assert kept(aged, entries) == [False] * 7 + [True]


def test_minima_keep_what_came_last(aged: Aged) -> None:
    """The newest entries that always stay, and the youngest, are told by the order of receipt."""
    entries = [aged.add(days_ago=days) for days in (300, 200)]
    set_clock(aged, BACK)
    entries += [aged.add() for _ in range(3)]
    assert purge(aged, of_size(entries[:1], min_days=5)) == 0
    set_clock(aged, -BACK)
    assert purge(aged, of_size(entries[:1], min_entries=4)) == 1
    assert purge(aged, of_size(entries[:1], min_days=5)) == 1
    assert kept(aged, entries) == [False, False, True, True, True]


def test_only_a_size_limit_purges_under_a_doubt(aged: Aged) -> None:
    """What is too old by a clock that nobody believes stays, and a purge by a person is refused with what to do."""
    entries = [aged.add(days_ago=days) for days in (20, 10)]
    aged.archive.clock.update(lambda known, reading: vouched(reading, Voucher.SERVER))
    set_clock(aged, AHEAD)
    assert purge(aged, BY_AGE) == 0
    with pytest.raises(RetentionHeldBack, match="--confirm-clock"):
        enforcing.enforce(aged.archive, BY_AGE, confirmed=True)
    assert purge(aged, of_size(entries[1:])) == 1
    aged.archive.clock.update(lambda known, reading: vouched(reading, Voucher.PERSON))
    assert purge(aged, BY_AGE) == 1


def test_two_doubts_are_two_ranges(aged: Aged) -> None:
    """What came between two doubts keeps its own age."""
    set_clock(aged, BACK)
    first = aged.add()
    set_clock(aged, -BACK)
    aged.now += timedelta(days=20)
    look(aged)
    between = aged.add()
    aged.now += timedelta(days=5)
    look(aged)
    set_clock(aged, BACK)
    second = aged.add()
    set_clock(aged, -BACK)
    for days, stay in ((7, [False, True, True]), (19, [False, False, True]), (5, [False, False, False])):
        aged.now += timedelta(days=days)
        look(aged)
        assert purge(aged, BY_AGE) == 1 and kept(aged, [first, between, second]) == stay


@pytest.mark.parametrize("by", [BACK, AHEAD])
def test_a_rebuilding_forgets_no_doubt(aged: Aged, by: timedelta) -> None:
    """A catalog made anew from the blobs, before or after the clock is right, purges nothing that the old one would keep."""
    old = [aged.add(days_ago=days) for days in (20, 10)]
    set_clock(aged, by)
    entries = [aged.add() for _ in range(3)]
    again(aged)
    assert enforcing.trust_in(aged.archive).doubt and purge(aged, BY_AGE) == 0
    set_clock(aged, -by)
    assert not enforcing.trust_in(aged.archive).doubt and purge(aged, BY_AGE) == 0
    again(aged)
    assert purge(aged, BY_AGE) == 0
    aged.now += timedelta(days=21)
    look(aged)
    assert purge(aged, BY_AGE) == 2 and kept(aged, [*old, *entries]) == [False] * 2 + [True] * 3
    aged.now += timedelta(days=10)
    look(aged)
    assert purge(aged, BY_AGE) == 3


def test_a_lost_catalog_purges_nothing_by_any_clock(aged: Aged) -> None:
    """Where the old catalog is lost, policies keep everything until a person sets one, and the clock is as it is then."""
    entry = aged.add()
    set_clock(aged, AHEAD)
    aged.archive.close()
    (aged.archive.root / "metadata.db").write_bytes(b"")
    rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now))
    aged.open()
    assert not enforcing.trust_in(aged.archive).doubt
    assert purge(aged, aged.archive.policies.effective("c")) == 0 and kept(aged, [entry]) == [True]


def again(aged: Aged) -> None:
    """Rebuild the catalog, and say how all conversions ended, which no blob tells."""
    aged.archive.close()
    rebuild(aged.archive.root, Rebuilding(clock=lambda: aged.now))
    aged.open()
    aged.archive.write(lambda tx: tx.exec_driver_sql("UPDATE archive_entries SET conversion_status = 'SUCCESS'"))
    aged.archive.write(lambda tx: tx.exec_driver_sql("UPDATE reports SET submission_state = 'ACCEPTED'"))


@pytest.mark.parametrize("by", [BACK, AHEAD])
def test_a_clock_that_was_wrong_for_a_moment_ages_nothing(aged: Aged, by: timedelta) -> None:
    """It was right again, and more came, before anybody checked it: what came meanwhile stays for all of its days."""
    before = aged.add()
    aged.now, aged._started = aged.now + by, aged._started + by
    wrong = aged.add()
    aged.now, aged._started = aged.now - by, aged._started - by
    after, moment = aged.add(), aged.now
    assert purge(aged, BY_AGE) == 0
    aged.now = moment + timedelta(days=31)
    assert purge(aged, BY_AGE) == 2 + (by == BACK)
    assert kept(aged, [before, wrong, after]) == [False, by == AHEAD, False]


@pytest.mark.parametrize("is_seen", [True, False])
@pytest.mark.parametrize("is_doubted", [True, False])
def test_an_archive_that_began_under_a_wrong_clock_ages_from_its_first_confirmation(
    aged: Aged, is_seen: bool, is_doubted: bool
) -> None:
    """A new station whose clock is years behind archives before anybody can contradict it: nothing goes too early (7)."""
    early = aged.add()
    if is_seen:
        look(aged)
    later = aged.add()
    aged.now, aged._started = aged.now - BACK, aged._started - BACK
    if is_doubted:
        look(aged)
    doubted, moment = aged.add(), aged.now
    aged.archive.clock.update(lambda known, reading: vouched(reading, Voucher.SERVER))
    after = aged.add()
    assert purge(aged, BY_AGE) == 0
    aged.now = moment + timedelta(days=29)
    look(aged)
    assert purge(aged, BY_AGE) == 0
    aged.now = moment + timedelta(days=31)
    assert purge(aged, BY_AGE) == 4
    assert kept(aged, [early, later, doubted, after]) == [False] * 4


def test_what_was_confirmed_before_a_doubt_keeps_its_age(aged: Aged) -> None:
    """Entries from before the last confirmation age on, also if the machine was off for weeks and the clock is doubted."""
    old = aged.add()
    aged.now += timedelta(days=10)
    aged.archive.clock.update(lambda known, reading: vouched(reading, Voucher.SERVER))
    unsure = aged.add()
    set_clock(aged, timedelta(days=21))
    aged.archive.clock.update(lambda known, reading: vouched(reading, Voucher.SERVER))
    assert purge(aged, BY_AGE) == 1
    assert kept(aged, [old, unsure]) == [False, True]
