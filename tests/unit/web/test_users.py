"""Users, their passwords and their tokens."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from tests.station import PATIENCE_S, wait_for

from pywats_archive.errors import ConfigError, TooManyAtOnce, UnknownUser, UsageError
from pywats_archive.portable.files import WINDOWS
from pywats_archive.web.access.passwords import Passwords
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import USER_FILE, Users

QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
GOOD = "correct horse battery"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    """A station with an admin."""
    users = Users(tmp_path, passwords=QUICK)
    users.add("Ann", GOOD, Role.ADMIN)
    return users


def test_a_user_signs_in_with_the_own_password(users: Users, tmp_path: Path) -> None:
    """In any case of the name, over a restart too; nobody else does, and nobody with another password."""
    for each in (users, Users(tmp_path, passwords=QUICK)):
        found = each.with_password("aNN ", GOOD)
        assert found and (found.name, found.role) == ("Ann", Role.ADMIN)
        assert each.with_password("Ann", GOOD + "x") is each.with_password("bob", GOOD) is None
        assert each.with_password("Ann", "") is each.with_password("Ann", "\ud800" * 2000) is None


def test_a_wrong_name_takes_as_long_as_a_wrong_password() -> None:
    """What nobody has is compared with a hash of today's cost, which is well-formed; so a name cannot be guessed."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    compared = Passwords(hasher)._nobody
    assert compared != Passwords(hasher)._nobody and not hasher.check_needs_rehash(compared)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(compared, GOOD)


def test_no_secret_is_stored_or_shown(users: Users, tmp_path: Path) -> None:
    """The file has hashes alone, of argon2id, only this account reads it, and no text of a user has them."""
    secret = users.add_token("ann", "nightly", days=1)
    path = tmp_path / USER_FILE
    kept = path.read_text()
    assert GOOD not in kept and secret not in kept and "$argon2id$" in kept
    assert WINDOWS or stat.S_IMODE(path.stat().st_mode) == 0o600
    (user,) = users.all()
    assert user.password_hash not in repr(user) and user.tokens[0].digest not in repr(user)


def test_a_token_acts_as_its_user_until_it_ends(tmp_path: Path) -> None:
    """It has the role that the user has now; it is over when revoked, at its end, and with its user."""
    now = [datetime(2026, 1, 1, tzinfo=timezone.utc)]
    users = Users(tmp_path, passwords=QUICK, clock=lambda: now[0])
    users.add("ann", GOOD, Role.ADMIN)
    users.add("bob", GOOD, Role.VIEWER)
    one, two, three = (users.add_token("bob", name, days=days) for name, days in (("a", 1), ("b", 9), ("c", 9)))
    users.set_role("bob", Role.OPERATOR)
    found = users.with_token(one)
    assert found and (found[0].name, found[0].role, found[1].name) == ("bob", Role.OPERATOR, "a")
    users.revoke_token("bob", "B")
    now[0] += timedelta(days=1)
    assert [bool(users.with_token(each)) for each in (one, two, three, "", "pwa_x", "\ud800")] == [
        False, False, True, False, False, False,
    ]  # fmt: skip
    with pytest.raises(UsageError, match="has a token 'C' already"):
        users.add_token("bob", "C", days=1)
    with pytest.raises(UsageError, match="has no token 'x'; there are 'a', 'c'"):
        users.revoke_token("bob", "x")
    users.remove("bob")
    assert users.with_token(three) is None


def test_a_change_ends_what_was_signed_in_before(users: Users) -> None:
    """A new password and a new role change the mark that sessions carry; the same role does not."""
    marks = [users.get("ann").mark]
    users.add("bob", GOOD, Role.ADMIN)
    changes: list[Callable[[], object]] = [
        lambda: users.set_password("ann", GOOD + "2"),
        lambda: users.set_role("ann", Role.VIEWER),
        lambda: users.set_role("ann", Role.VIEWER),
    ]
    for change in changes:
        change()
        marks.append(users.get("ann").mark)
    assert len(set(marks)) == 3 and marks[2] == marks[3]
    assert users.with_password("ann", GOOD) is None and users.with_password("ann", GOOD + "2")


def test_the_last_admin_stays(users: Users) -> None:
    """While there are others, one of them is an admin; the only user may go."""
    users.add("bob", GOOD, Role.OPERATOR)
    refusals: list[Callable[[], object]] = [lambda: users.remove("ann"), lambda: users.set_role("ann", Role.VIEWER)]
    for refused in refusals:
        with pytest.raises(UsageError, match="last admin"):
            refused()
    assert [(each.name, each.role.value) for each in users.all()] == [("Ann", "admin"), ("bob", "operator")]
    users.remove("bob")
    users.remove("ann")
    assert users.all() == ()
    users.add("eve", GOOD, Role.VIEWER)
    assert users.set_role("eve", Role.OPERATOR).role is Role.OPERATOR  # where there is no admin, none is the last
    users.remove("eve")
    with pytest.raises(UnknownUser, match="there are none"):
        users.remove("ann")


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "x" * 65, "<img src=x>", "a\0b", "a\u202eb", "a\u200bb", "\ud800", "a\nb", "{{7*7}}"),
        *("../x", "a/b", "..", "-x", "service", "Library", "configuration"),
    ],
)
def test_a_hostile_name_is_refused(users: Users, name: str) -> None:
    """Markup, invisible and direction characters, paths, and the names that programs have in the history."""
    with pytest.raises(UsageError):
        users.add(name, GOOD, Role.VIEWER)


@pytest.mark.parametrize(
    "name", ["Jürgen Müller", "李雷", "o'neill", "a.b-c_d@example.com", "\uff21\uff24\uff21", "ann2"]
)
def test_names_of_people_work(users: Users, name: str) -> None:
    """In any script; two that look the same are one."""
    user = users.add(name, GOOD, Role.VIEWER)
    assert users.find(name) == users.find(user.name) == user
    with pytest.raises(UsageError, match="exists already"):
        users.add(name.swapcase(), GOOD, Role.VIEWER)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_a_weak_password_is_refused(users: Users, password: str) -> None:
    """Nothing is changed then, and the error does not repeat it."""
    with pytest.raises(UsageError, match="12 to 1,000 characters"):
        users.add("bob", password, Role.VIEWER)
    with pytest.raises(UsageError, match="choose another"):
        users.set_password("ann", password)
    assert users.find("bob") is None and users.with_password("ann", GOOD)


def test_a_hash_of_earlier_parameters_is_renewed(users: Users, tmp_path: Path) -> None:
    """At the next sign-in, and the sessions stay."""
    later = Users(tmp_path, passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)))
    before = later.get("ann")
    assert later.with_password("ann", GOOD)
    after = users.get("ann")
    assert "t=1" in before.password_hash and "t=2" in after.password_hash and before.mark == after.mark
    assert later.with_password("ann", GOOD)


def test_a_damaged_file_is_one_clear_error(users: Users, tmp_path: Path) -> None:
    """It is never taken for a station without users."""
    for content in ("[1", "[]", '{"ann": {}}', '{"ann": {"role": "king"}}'):
        (tmp_path / USER_FILE).write_text(content)
        with pytest.raises(ConfigError, match="restore it from a backup"):
            Users(tmp_path, passwords=QUICK)
        with pytest.raises(ConfigError):
            users.find("ann")


def test_two_processes_add_users(tmp_path: Path) -> None:
    """None of them is lost, and a reader sees them at once."""
    many = [Users(tmp_path, passwords=QUICK) for _ in range(4)]
    threads = [threading.Thread(target=each.add, args=(f"user {n}", GOOD, Role.VIEWER)) for n, each in enumerate(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(each.all()) for each in many] == [4] * 4
    assert len(json.loads((tmp_path / USER_FILE).read_text())) == 4


def test_few_passwords_are_checked_at_once() -> None:
    """The eleventh is refused at once, before any work: neither memory nor the threads of the pages run out."""
    begun, go_on, counts = threading.Semaphore(0), threading.Event(), []

    class Slow(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            begun.release()
            go_on.wait(PATIENCE_S)
            return super().verify(hash, password)

    passwords = Passwords(Slow(time_cost=1, memory_cost=8, parallelism=1))
    kept = passwords.hash(GOOD)

    def check() -> None:
        counts.append(passwords.is_right(kept, GOOD))

    threads = [threading.Thread(target=check) for _ in range(10)]
    for thread in threads:
        thread.start()
    begun.acquire(timeout=PATIENCE_S)
    begun.acquire(timeout=PATIENCE_S)
    wait_for(lambda: _is_full(passwords))
    with pytest.raises(TooManyAtOnce):
        passwords.is_right(kept, GOOD)
    assert not begun.acquire(blocking=False)  # two work, eight wait
    go_on.set()
    for thread in threads:
        thread.join()
    assert counts == [True] * 10 and passwords.is_right(kept, GOOD)


def _is_full(passwords: Passwords) -> bool:
    if passwords._places.acquire(blocking=False):
        passwords._places.release()
        return False
    return True


@pytest.mark.posix("file modes")
def test_a_file_that_others_may_read_is_refused(users: Users, tmp_path: Path) -> None:
    """It came from a backup without its rights: whoever wrote to it could have become an admin."""
    assert users.all()
    path = tmp_path / USER_FILE
    path.chmod(0o666)
    for parent in path.parents:
        if parent.stat().st_uid == path.stat().st_uid:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    with pytest.raises(ConfigError, match="everyone may read it; let this account alone"):
        Users(tmp_path, passwords=QUICK)
    path.chmod(0o600)
    assert Users(tmp_path, passwords=QUICK).all() == users.all()
