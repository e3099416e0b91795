"""Sessions and the station's token."""

from __future__ import annotations

import stat
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from filelock import FileLock

from pywats_archive.errors import ConfigError
from pywats_archive.portable.files import WINDOWS
from pywats_archive.web.access.sessions import MOST_OF_A_USER, SESSION_FILE, Session, Sessions
from pywats_archive.web.access.shared_file import SharedFile
from pywats_archive.web.access.token import TOKEN_FILE, load_token


class _Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


def test_a_session_ends(tmp_path: Path) -> None:
    """It holds for its length, over a restart too, and is over when the person signs out."""
    clock = _Clock()
    sessions = Sessions(tmp_path, length=timedelta(hours=12), clock=clock)
    secret, other = sessions.begin("ann"), sessions.begin("bob")
    again = Sessions(tmp_path, length=timedelta(hours=12), clock=clock)
    found = again.find(secret)
    assert found and found.user == "ann" and again.find(other)
    again.end(other)
    assert again.find(other) is None and Sessions(tmp_path, length=timedelta(), clock=clock).find(other) is None
    clock.now += timedelta(hours=12)
    assert again.find(secret) is None and again.find("") is None and again.find("x" * 43) is None


def test_a_session_that_nobody_uses_ends(tmp_path: Path) -> None:
    """Each use keeps it, until its absolute end; uses are written down now and then only."""
    clock = _Clock()
    sessions = Sessions(tmp_path, length=timedelta(hours=12), idle=timedelta(hours=2), clock=clock)
    used, unused = sessions.begin("ann", mark="1"), sessions.begin("bob", mark="2")
    written = []
    for _ in range(11):
        clock.now += timedelta(hours=1)
        written.append((tmp_path / SESSION_FILE).stat().st_mtime_ns)
        assert sessions.use(used) and sessions.use(used)
    assert sessions.find(unused) is None and len(set(written)) == 11
    before = (tmp_path / SESSION_FILE).stat().st_mtime_ns
    clock.now += timedelta(minutes=9)
    assert sessions.use(used) and (tmp_path / SESSION_FILE).stat().st_mtime_ns == before
    assert [each.user for each in sessions.of("ann")] == ["ann"] and sessions.of("bob") == ()
    clock.now += timedelta(minutes=51)
    assert sessions.use(used) is None


def test_the_sessions_of_a_user_end_at_once(tmp_path: Path) -> None:
    """All, or one of them; those of others stay, and those of the station's token."""
    sessions = Sessions(tmp_path, length=timedelta(hours=12))
    ann, again, bob = (sessions.begin(name, mark="1") for name in ("ann", "ann", "bob"))
    station = sessions.begin("ann")
    first, second = sessions.of("ann")
    assert sessions.end_those_of("ann", second.session_id) == 1 and sessions.of("ann") == (first,)
    assert sessions.end_those_of("ann", "none") == 0
    assert sessions.end_those_of("ann") == 1 and not any(map(sessions.find, (ann, again)))
    assert sessions.find(bob) and sessions.find(station)


def test_a_session_holds_while_its_use_cannot_be_noted(tmp_path: Path) -> None:
    """Because another process holds the lock, or nothing can be written: who is signed in waits for nobody."""
    clock = _Clock()
    sessions = Sessions(tmp_path, length=timedelta(hours=12), clock=clock)
    secret = sessions.begin("ann")
    lock = tmp_path / f"{SESSION_FILE}.lock"
    clock.now += timedelta(hours=2)
    with FileLock(lock):
        assert sessions.use(secret)
    lock.unlink()
    lock.mkdir()
    assert sessions.use(secret)
    with pytest.raises(ConfigError, match="cannot be changed"):
        sessions.begin("bob")
    lock.rmdir()
    assert sessions.use(secret) and str(clock.now.isoformat()) in (tmp_path / SESSION_FILE).read_text()


def test_a_change_does_not_wait_for_ever(tmp_path: Path) -> None:
    """Another process may have been suspended in the middle of one; readers go on."""
    known = SharedFile[Session](tmp_path / "file.json", decode=lambda kept: Session(**kept), encode=asdict, advice="")
    with FileLock(tmp_path / "file.json.lock"):
        with pytest.raises(ConfigError, match="another process"), known.changing(patience_s=0):
            pass
        assert known.records == {}
    with known.changing() as changed:
        changed.clear()


def test_of_many_sessions_the_oldest_end(tmp_path: Path) -> None:
    """Whoever signs in again and again fills no disk, and ends nobody else's session."""
    sessions = Sessions(tmp_path, length=timedelta(hours=12))
    bob, station = sessions.begin("bob", mark="1"), sessions.begin("ann", token_mark="1")
    own = [sessions.begin("ann", mark="1") for _ in range(MOST_OF_A_USER + 2)]
    assert len(sessions.of("ann")) == MOST_OF_A_USER
    assert [sessions.find(each) is not None for each in own[:3]] == [False, False, True]
    assert all(map(sessions.find, (bob, station, own[-1])))


def test_two_processes_share_the_sessions(tmp_path: Path) -> None:
    """Who signs in or out at one of two servers of a station has done so at both."""
    one, other = (Sessions(tmp_path, length=timedelta(hours=1)) for _ in range(2))
    secret = one.begin("ann")
    assert other.find(secret)
    one.end(secret)
    assert other.find(secret) is None
    other.begin("bob")
    assert one.find(secret) is None and Sessions(tmp_path, length=timedelta(hours=1)).find(secret) is None


def test_a_link_in_the_way_is_not_written_through(tmp_path: Path) -> None:
    """A name that another account can guess leads nowhere."""
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / f".{SESSION_FILE}.part").symlink_to(victim)
    Sessions(tmp_path, length=timedelta(hours=1)).begin("ann")
    assert victim.read_text() == "kept" and not (tmp_path / SESSION_FILE).is_symlink()


def test_no_secret_is_stored(tmp_path: Path) -> None:
    """The file has hashes alone, and only this account reads it."""
    secret = Sessions(tmp_path, length=timedelta(hours=1)).begin("ann")
    path = tmp_path / SESSION_FILE
    assert secret not in path.read_text()
    assert WINDOWS or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_file_is_one_clear_error(tmp_path: Path) -> None:
    """It says what to do."""
    (tmp_path / SESSION_FILE).write_text("[1")
    with pytest.raises(ConfigError, match="remove the file"):
        Sessions(tmp_path, length=timedelta(hours=1))


def test_the_token_stays(tmp_path: Path) -> None:
    """It is made once, for this account alone, and a short one is refused."""
    token = load_token(tmp_path)
    path = tmp_path / TOKEN_FILE
    assert len(token) >= 43 and load_token(tmp_path) == token
    assert WINDOWS or stat.S_IMODE(path.stat().st_mode) == 0o600
    if not WINDOWS:
        path.chmod(0o644)
        for parent in (tmp_path, *tmp_path.parents):
            if parent.stat().st_uid == path.stat().st_uid:
                parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
        with pytest.raises(ConfigError, match="everyone may read the token"):
            load_token(tmp_path)
        path.chmod(0o600)
    path.write_text("abc\n")
    with pytest.raises(ConfigError, match="too short"):
        load_token(tmp_path)
