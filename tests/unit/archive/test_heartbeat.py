"""Whether a service works on an archive: judged from values, and from real folders."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.ownership import owning
from pywats_archive.archive.liveness import heartbeat
from pywats_archive.archive.liveness.heartbeat import BEAT_EVERY_S, Heartbeat
from pywats_archive.models.operation.service import (
    Beat,
    NoteAuthor,
    ServerContact,
    ServiceFacts,
    ServiceState,
    service_status,
)
from pywats_archive.models.time import UTC, utc_now

NOW = datetime(2026, 2, 13, 12, tzinfo=UTC)
ROOT = Path("archive")


def by(process: int = 7, computer: str = "here") -> NoteAuthor:
    return NoteAuthor(process=process, computer=computer, since=NOW - timedelta(hours=1))


def beat(age_s: float, **who: object) -> Beat:
    return Beat(by=by(**who), at=NOW - timedelta(seconds=age_s))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("is_owned", "owner", "sign", "state"),
    [
        (False, None, None, ServiceState.STOPPED),
        (False, None, beat(3), ServiceState.DIED),
        (True, by(), beat(3), ServiceState.RUNNING),
        (True, by(), beat(119), ServiceState.RUNNING),
        (True, by(), beat(121), ServiceState.STALLED),
        (True, by(), beat(-3600), ServiceState.RUNNING),  # the clock was set back since
        (True, by(), None, ServiceState.STARTING),
        (True, by(8), beat(3), ServiceState.STARTING),  # the sign is of the one before
        (True, None, beat(3), ServiceState.STARTING),
        (True, by(7, "there"), beat(3600, computer="there"), ServiceState.RUNNING),  # clocks of two computers
        (True, by(7, "there"), beat(3), ServiceState.STARTING),
    ],
)
def test_the_lock_says_who_lives_and_the_sign_whose_main_loop_does(
    is_owned: bool, owner: NoteAuthor | None, sign: Beat | None, state: ServiceState
) -> None:
    """A service that was killed, that hangs, that starts, and none are told apart."""
    found = service_status(ROOT, is_owned=is_owned, owner=owner, beat=sign, computer="here", now=NOW)
    assert found.state is state
    assert found.state.is_working == (state in (ServiceState.RUNNING, ServiceState.STARTING))
    if state in (ServiceState.RUNNING, ServiceState.STALLED, ServiceState.DIED):
        assert sign and (found.process, found.last_sign) == (sign.by.process, sign.at)


def test_a_sign_is_given_every_few_seconds_and_gone_at_an_orderly_end(tmp_path: Path) -> None:
    """Its time is the station's clock; who looks changes nothing."""
    root, moments = tmp_path / "a", [NOW, NOW + timedelta(seconds=9)]
    with Archive.open(root, create=True, own=True) as archive:
        assert heartbeat.status_of(root, now=NOW).state is ServiceState.STARTING
        sign = Heartbeat(archive, clock=lambda: moments[0])
        sign.beat(100.0)
        sign.beat(100.0 + BEAT_EVERY_S / 2)
        found = heartbeat.status_of(root, now=NOW)
        assert (found.state, found.process, found.last_sign) == (ServiceState.RUNNING, os.getpid(), NOW)
        moments.pop(0)
        sign.beat(100.0 + BEAT_EVERY_S)
        assert heartbeat.status_of(root, now=NOW).last_sign == NOW + timedelta(seconds=9)
        (root / layout.HEARTBEAT).unlink()
        sign.beat(100.0 + 2 * BEAT_EVERY_S)
        assert heartbeat.status_of(root, now=NOW).state is ServiceState.RUNNING
        (root / layout.HEARTBEAT).write_text("{")
        assert heartbeat.status_of(root, now=NOW).state is ServiceState.STARTING
        sign.end()
        sign.end()
    assert heartbeat.status_of(root, now=NOW).state is ServiceState.STOPPED


def test_the_sign_says_who_runs_the_service_and_when_it_stopped(tmp_path: Path) -> None:
    """A change of the facts is written, the beginning stays, and after an orderly stop the last facts remain."""
    root = tmp_path / "a"
    contact = ServerContact(address="http://wats", has_answered=True, trouble="503", since=NOW)
    facts = ServiceFacts(version="1.2", account="tester", log=root / "x.log", patterns={"ICT": ("*.csv",)})
    with Archive.open(root, create=True, own=True) as archive:
        sign = Heartbeat(archive, clock=lambda: NOW)
        sign.beat(100.0, facts)
        found = heartbeat.status_of(root, now=NOW)
        assert (found.version, found.account, found.log) == ("1.2", "tester", root / "x.log")
        assert (found.since, found.server, found.stopped_at) == (NOW, None, None)
        sign.beat(200.0, replace(facts, server=contact))
        assert heartbeat.status_of(root, now=NOW).server == contact
        assert heartbeat.facts_of(root).patterns == {"ICT": ("*.csv",)}
        sign.end()
    ended = heartbeat.status_of(root, now=NOW)
    assert not (root / layout.HEARTBEAT).exists()
    assert (ended.state, ended.stopped_at, ended.process) == (ServiceState.STOPPED, NOW, None)
    assert (ended.version, ended.log, ended.server) == ("1.2", root / "x.log", None)


@pytest.mark.parametrize("more", ["", ', "version": 3, "server": [], "patterns": {"a": 1}, "log": "", "stopped_at": 5'])
def test_a_sign_without_facts_is_read_too(tmp_path: Path, more: str) -> None:
    """An earlier version writes fewer fields, and a damaged one is no reason to conclude less."""
    (tmp_path / layout.HEARTBEAT).write_text(
        f'{{"process": 1, "computer": "c", "since": "2026-02-13T00:00:00+00:00"{more}}}'
    )
    found = heartbeat.status_of(tmp_path, now=NOW)
    assert (found.state, found.process, found.version, found.log) == (ServiceState.DIED, 1, None, None)
    assert heartbeat.facts_of(tmp_path) == ServiceFacts()


def test_no_sign_is_made_where_the_archive_is_not(tmp_path: Path) -> None:
    """An empty mount point stays empty, whoever gives a sign or looks for one."""
    root = tmp_path / "a"
    with Archive.open(root, create=True, own=True) as archive:
        root.rename(tmp_path / "away")
        root.mkdir()
        Heartbeat(archive).beat(0.0)
        assert heartbeat.status_of(root, now=utc_now()).state is ServiceState.STOPPED
        assert heartbeat.status_of(tmp_path / "nowhere", now=utc_now()).state is ServiceState.STOPPED
        assert list(root.iterdir()) == [] and not (tmp_path / "nowhere").exists()
        root.rmdir()
        (tmp_path / "away").rename(root)


def test_another_owner_is_no_service(tmp_path: Path) -> None:
    """While a rebuild owns the archive, what an earlier service left is not taken for its sign."""
    root = tmp_path / "a"
    with Archive.open(root, create=True, own=True) as archive:
        Heartbeat(archive).beat(0.0)
    assert heartbeat.status_of(root, now=utc_now()).state is ServiceState.DIED
    (root / layout.HEARTBEAT).write_text(
        '{"process": 1, "computer": "elsewhere", "since": "2026-02-13T00:00:00+00:00"}'
    )
    with owning(root):
        assert heartbeat.status_of(root, now=utc_now()).state is ServiceState.STARTING
