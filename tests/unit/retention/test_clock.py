from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from pywats_archive.models.retention.clock import FULL_CREDIT_S, Known, Reading, Voucher, first_known
from pywats_archive.models.time import UTC
from pywats_archive.retention.clock import Trust, judge, vouched

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Machine:
    """A machine whose clock and whose hours are played; ``known`` is what its archive keeps."""

    wall: datetime = NOON
    uptime: timedelta = HOUR
    boot: int = 1
    server_off: timedelta | None = None
    """How far the server's clock is ahead of the true time; None for no server."""
    true: datetime = NOON
    known: Known = field(init=False)

    def __post_init__(self) -> None:
        self.known = first_known(self.reading, recorded_until=None)

    @property
    def reading(self) -> Reading:
        return Reading(wall=self.wall, boot_id=str(self.boot), uptime_s=self.uptime.total_seconds())

    def look(self) -> Trust:
        """Judge, and keep what comes of it."""
        server = None if self.server_off is None else self.true + self.server_off
        trust = judge(self.known, self.reading, server=server)
        self.known = trust.known
        return trust

    def live(self, lived: timedelta) -> Trust:
        """Run, awake or asleep, and judge."""
        self.wall, self.true, self.uptime = self.wall + lived, self.true + lived, self.uptime + lived
        return self.look()

    def jump(self, by: timedelta) -> Trust:
        """Set the clock."""
        self.wall += by
        return self.look()

    def restart(self, off: timedelta = timedelta(minutes=1), *, ahead: timedelta = timedelta()) -> Trust:
        """Switch the machine off for so long; ``ahead``: its clock goes wrong by that meanwhile."""
        self.wall, self.true, self.uptime = self.wall + off + ahead, self.true + off, timedelta(minutes=1)
        self.boot += 1
        return self.look()


def test_time_that_is_lived_through_is_believed() -> None:
    """A year awake or asleep, with a clock that is corrected by some minutes, is no reason to doubt."""
    machine = Machine()
    for day in range(365):
        assert not machine.live(DAY).doubt
        assert not machine.jump(timedelta(minutes=4) * (-1) ** day).doubt


@pytest.mark.parametrize("by", [400 * DAY, -400 * DAY, 25 * HOUR, -25 * HOUR])
def test_a_jump_of_more_than_a_day_is_doubted_whatever_restarts(by: timedelta) -> None:
    """Ahead or back, and after any number of starts of the service or the machine, nobody's word is needed less."""
    machine = Machine()
    assert machine.jump(by).doubt
    for _ in range(50):
        assert machine.look().doubt
        assert machine.live(5 * DAY).doubt
        assert machine.restart().doubt
    assert machine.known.doubted_since == NOON + by


def test_a_jump_that_is_taken_back_is_forgotten() -> None:
    """Set right again, the clock agrees with what was lived through."""
    machine = Machine()
    assert machine.jump(400 * DAY).doubt
    assert machine.restart().doubt
    assert machine.live(3 * HOUR).doubt
    assert not machine.jump(-400 * DAY).doubt


@pytest.mark.parametrize("step", [6 * DAY, 2 * DAY, 23 * HOUR, HOUR])
@pytest.mark.parametrize("is_machine", [True, False])
def test_no_creeping_gains_more_than_a_day(step: timedelta, is_machine: bool) -> None:
    """A clock that is further ahead at each start gains a day at the most beyond what was lived through (invariant 7)."""
    machine, before = Machine(), NOON
    for _ in range(60):
        trust = machine.restart(ahead=step) if is_machine else machine.jump(step)
        before = trust.now if not trust.doubt else before
    assert before <= NOON + DAY + timedelta(hours=9)  # an hour of minutes that were lived through, eight times
    assert machine.look().doubt


def test_ages_never_count_more_than_was_lived_through() -> None:
    """A clock that is some hours ahead is believed, and purges nothing some hours early."""
    machine = Machine()
    trust = machine.jump(20 * HOUR)
    assert not trust.doubt and trust.now == NOON
    assert machine.jump(-25 * HOUR).now == NOON - 5 * HOUR


def test_a_computer_that_is_switched_off_every_night_needs_nobody() -> None:
    """Nights of 16 hours are believed by the credit of the days between, without a server."""
    machine = Machine()
    for _ in range(400):
        assert not machine.restart(16 * HOUR).doubt
        trust = machine.live(8 * HOUR)
        assert not trust.doubt and machine.wall - trust.now < DAY


def test_a_holiday_needs_the_server_or_one_word_of_a_person() -> None:
    """Two weeks off are more than a day of jump: the server's date ends the doubt, or a person, once."""
    machine = Machine()
    assert machine.restart(14 * DAY).doubt
    machine.server_off = timedelta(minutes=3)
    trust = machine.live(timedelta(minutes=5))
    assert not trust.doubt and trust.now == machine.wall
    machine.server_off = None
    assert machine.restart(14 * DAY).doubt
    assert machine.restart().doubt
    machine.known = vouched(machine.reading, Voucher.PERSON)
    assert not machine.look().doubt and not machine.restart().doubt and not machine.live(DAY).doubt


def test_a_server_that_contradicts_the_clock_is_believed() -> None:
    """A clock that never jumped, as one that was wrong from the first, is doubted by the server's word, until it agrees."""
    machine = Machine(wall=NOON + 400 * DAY)
    assert not machine.look().doubt
    machine.server_off = timedelta()
    assert "the server says 2026-11-24" in (machine.live(HOUR).doubt or "")
    machine.server_off = None
    assert machine.restart().doubt
    machine.server_off = timedelta()
    assert not machine.jump(-400 * DAY).doubt
    assert machine.known.voucher is Voucher.SERVER


def test_a_person_has_the_last_word_over_a_server_until_the_next_jump() -> None:
    """A server whose own clock is wrong stops nothing once a person has looked."""
    machine = Machine(server_off=-3 * DAY)
    assert machine.look().doubt
    machine.known = vouched(machine.reading, Voucher.PERSON)
    assert not machine.live(HOUR).doubt and not machine.restart().doubt
    assert machine.jump(2 * DAY).doubt


@pytest.mark.parametrize(
    ("recorded_until", "is_disputed", "is_believed"),
    [
        (None, False, True),
        (NOON - timedelta(minutes=2), False, True),
        (NOON - 23 * HOUR, False, True),
        (NOON + 3 * HOUR, False, True),
        (NOON - 2 * DAY, False, False),
        (NOON + 400 * DAY, False, False),
        (NOON - timedelta(minutes=2), True, False),
    ],
)
def test_an_archive_without_a_record_is_judged_by_its_history(
    recorded_until: datetime | None, is_disputed: bool, is_believed: bool
) -> None:
    """An archive of an earlier version needs nobody's word where its history ends within a day, and no doubt was open."""
    reading = Reading(wall=NOON, boot_id="1", uptime_s=1e6)
    known = first_known(reading, recorded_until=recorded_until, is_disputed=is_disputed)
    assert (judge(known, reading).doubt is None) is is_believed


def test_an_archive_from_another_machine_is_no_jump() -> None:
    """A machine that has been up for a year takes over an archive of yesterday: the year is no time that it lived through."""
    known = Known(at=NOON, boot_id="there", uptime_s=50.0)
    trust = judge(known, Reading(wall=NOON + 20 * HOUR, boot_id="here", uptime_s=365 * DAY.total_seconds()))
    assert not trust.doubt and trust.now == NOON + 20 * HOUR


def test_a_start_without_its_own_number_is_seen_by_its_uptime() -> None:
    """Where the system does not number its starts, an uptime that went back is another one."""
    known = Known(at=NOON, boot_id="unknown", uptime_s=5000.0)
    trust = judge(known, Reading(wall=NOON + HOUR, boot_id="unknown", uptime_s=60.0))
    assert not trust.doubt and trust.known.credit_s == FULL_CREDIT_S - 3540


def test_the_doubt_says_what_to_do() -> None:
    """One line: what the clock says, what was expected, and both ways out."""
    told = Machine().jump(3650 * DAY).doubt or ""
    for words in ("the clock says 2036-11-21", "2026-11-24", "Correct the clock", "purge --confirm-clock"):
        assert words in told
    assert "\n" not in told
