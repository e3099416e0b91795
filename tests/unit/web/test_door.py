"""Names and passwords at the door: lock-out, and what is recorded of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from pywats_archive.errors import StorageError
from pywats_archive.web.access.door import Door, Refused, steady
from pywats_archive.web.access.lockout import Tries, after_failure, neighbourhood, wait
from pywats_archive.web.access.passwords import Passwords
from pywats_archive.web.access.records import Records
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import User, Users

GOOD = "correct horse battery"
HERE, THERE = "10.0.0.5", "10.0.0.6"


class _Station:
    """A door with its clock and what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.recorded: list[tuple[str, str, dict[str, Any]]] = []
        clock: Callable[[], datetime] = lambda: self.now  # noqa: E731
        self.records = Records(lambda *event: self.recorded.append(event), clock=clock)
        users = Users(folder, passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
        users.add("ann", GOOD, Role.VIEWER)
        self.door = Door(users, self.records, clock=clock)

    def tries(self, number: int, name: str = "ann", address: str = HERE) -> list[User | Refused]:
        """Try a wrong password."""
        return [self.door.enter(name, "wrong", address=address) for _ in range(number)]

    def kinds(self) -> Counter[str]:
        return Counter(kind for kind, _, _ in self.recorded)


@pytest.fixture
def station(tmp_path: Path) -> _Station:
    """A station with one user."""
    return _Station(tmp_path)


def test_the_wait_grows() -> None:
    """From the fifth failure 30 s, twice as long after each further one, at most 15 min; a day of rest forgets them."""
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    tries, waits = None, []
    for _ in range(12):
        tries = after_failure(tries, now)
        waits.append(wait(tries, now, free=5).total_seconds())
        now += timedelta(hours=1)
    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]
    assert wait(None, now, free=5) == timedelta()
    assert wait(Tries(failed=10**9, last_at=now), now, free=5) == timedelta(minutes=15)
    assert after_failure(tries, now + timedelta(days=1)).failed == 1


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("fe80::1", "fe80::/64"),
        ("2001:db8::1234:5", "2001:db8::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_what_counts_as_one_address(address: str, counted: str) -> None:
    """A computer has one IPv4 address, and as many IPv6 addresses of its network as it likes."""
    assert neighbourhood(address) == counted


def test_an_address_is_locked_out_and_let_in_again(station: _Station) -> None:
    """Then even the right password is not checked; other addresses are not concerned, and the wait ends."""
    station.tries(5)
    locked = station.door.enter("ann", GOOD, address=HERE)
    assert locked == Refused(wait=timedelta(seconds=30))
    assert isinstance(station.door.enter("ann", GOOD, address=THERE), User)
    station.now += timedelta(seconds=29)
    assert station.door.enter("ann", GOOD, address=HERE) == Refused(wait=timedelta(seconds=1))
    station.now += timedelta(seconds=1)
    assert isinstance(station.door.enter("ann", GOOD, address=HERE), User)


def test_a_user_is_locked_out_from_everywhere_later(station: _Station) -> None:
    """Wrong passwords from many addresses count for the user, known or not: a stranger learns nothing from it."""
    for name in ("ann", "nobody"):
        found = [station.tries(1, name, f"10.0.{len(name)}.{n}")[0] for n in range(11)]
        assert found == [Refused()] * 10 + [Refused(wait=timedelta(seconds=30))]


def test_the_right_password_does_not_clear_an_address(station: _Station) -> None:
    """Who has an account cannot try other users' passwords without an end."""
    for _ in range(4):
        station.tries(1, "bob")
        assert isinstance(station.door.enter("ann", GOOD, address=HERE), User)
    assert station.tries(2, "bob") == [Refused(), Refused(wait=timedelta(seconds=30))]


def test_many_tries_at_once_are_no_way_around(station: _Station) -> None:
    """Of forty tries in eight threads, no more are checked than one after the other."""
    found: list[User | Refused] = []
    threads = [threading.Thread(target=lambda: found.extend(station.tries(5))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), found.count(Refused())) == (40, 5)


def test_a_thousand_wrong_passwords_are_few_events(station: _Station) -> None:
    """Each refusal that was checked is recorded, then counts; what is left is recorded at the end."""
    station.tries(1000)
    assert station.kinds() == {"user.refused": 5, "user.locked_out": 7}
    station.records.close()
    station.records.close()
    assert station.kinds() == {"user.refused": 5, "user.locked_out": 8}
    kind, actor, details = station.recorded[-1]
    assert (kind, actor) == ("user.locked_out", "unknown")
    assert details == {"user": "ann", "address": HERE, "wait_s": 30, "times": 995}


def test_counts_of_an_hour_are_recorded_with_the_next_one(station: _Station) -> None:
    """Nothing is lost when no power of ten is reached."""
    station.tries(13)
    station.now += timedelta(hours=1)
    station.tries(1)
    assert [details["times"] for kind, _, details in station.recorded if kind == "user.locked_out"] == [
        1,
        2,
        3,
        4,
        5,
        8,
    ]


def test_a_thousand_addresses_are_few_events(station: _Station) -> None:
    """A stranger who owns a network fills the history no more than one with one computer."""
    for number in range(1000):
        station.tries(1, f"user {number}", f"10.1.{number // 250}.{number % 250}")
    assert sum(station.kinds().values()) < 120


def test_no_secret_is_recorded(station: _Station) -> None:
    """Not the password, and not a name that nobody has: it may be a password in the wrong field."""
    station.door.enter("correct horse", "secret1234567", address=HERE)
    assert not any("horse" in str(each) or "secret" in str(each) for each in station.recorded)
    assert station.recorded[0][2] == {"address": HERE, "by": "password", "times": 1}


def test_a_history_that_cannot_be_written_lets_people_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pages say what is wrong, so they stay open; the log has what the history lacks."""

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    records = Records(full)
    records.note("user.signed_in", "ann", by="password")
    said = capsys.readouterr()
    assert "access.not_recorded" in said.err + said.out


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer(tmp_path: Path) -> None:
    """The wait is counted by a clock that nobody sets: it knows no date."""
    before = steady()
    assert before.year < 2000 and steady() >= before
    assert signature(Door).parameters["clock"].default is steady


def test_a_flood_is_bounded_and_hides_nobody_who_signs_in() -> None:
    """A million refusals from everywhere in three hours are some hundred events; who signs in is named all the same."""
    written: list[tuple[str, str, dict[str, Any]]] = []
    now = [datetime(2026, 1, 1, tzinfo=timezone.utc)]
    records = Records(lambda kind, actor, details: written.append((kind, actor, details)), clock=lambda: now[0])
    for number in range(30_000):
        if number % 10_000 == 5_000:
            records.used("user.signed_in", "10.0.0.1", actor="web:ann", address="10.0.0.1")
        now[0] += timedelta(seconds=0.36)
        for kind in ("user.refused", "request.refused"):
            records.refused(kind, f"10.1.{number % 250}.{number % 199}" if number % 2 else f"10.2.0.{number % 90}")
    records.close()
    assert len(written) < 3 * (200 + 2 * 101 + 10)
    assert [actor for kind, actor, _ in written if kind == "user.signed_in"] == ["web:ann"] * 3


def test_uses_are_counted_too() -> None:
    """A program that signs in a thousand times is on record with how often; sums lose nothing."""
    written: list[tuple[str, str, dict[str, Any]]] = []
    records = Records(lambda kind, actor, details: written.append((kind, actor, details)))
    for _ in range(1234):
        records.used("user.signed_in", "::1", actor="web:ann")
        records.used("token.used", "::1", actor="token:ann/x")
    records.close()
    assert len(written) < 40
    last = {kind: details["times"] for kind, _, details in written[-2:]}
    assert last == {"user.signed_in": 1234, "token.used": 1234}
