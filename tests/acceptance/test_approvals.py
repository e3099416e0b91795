"""A second person's approval in a compliant archive, for deletion and replacement."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.command import command
from tests.documents import faults_of
from tests.station import Station
from tools.json_reference import DOCUMENTS

from pywats_archive import Client
from pywats_archive.archive.compliance import approvals
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ComplianceRefused, NeedsApproval, UsageError
from pywats_archive.models.event import EventFilter
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.retention.compliance import Act, person_of
from pywats_archive.models.time import utc_now
from pywats_archive.words import approvals as words

SENT = ReplayRequest(submit_to_server=True, new_id=True, reason="limits corrected")


@pytest.fixture
def compliant(station: Station) -> Station:
    """A station with a compliant archive of two entries; the first one is held."""
    watch = station.add("c", compliance=True)
    for name in ("a", "b"):
        (watch / f"{name}.log").write_bytes(name.encode())
    station.run()
    with person(station, "os:ann") as ann:
        ann.retention.hold([station.entries()[0].archive_id], "complaint 7")
    return station


@contextmanager
def person(station: Station, actor: str) -> Iterator[Client]:
    """Open a client as somebody."""
    with Client.from_config(station.root / "config.json", actor=actor) as client:
        yield client


def history(station: Station, *kinds: str) -> list[tuple[str, str]]:
    """Return kind and actor of these events."""
    with Client(station.archive_root) as client:
        return [(each.kind, each.actor) for each in client.events(EventFilter(kinds=kinds), limit=1000).events]


def requested(act: Callable[[], Any]) -> int:
    """Do something that needs an approval; return the number that the error names."""
    with pytest.raises(NeedsApproval, match="a second person must approve") as refused:
        act()
    found = re.search(r"approve (\d+)'", str(refused.value))
    assert found
    return int(found[1])


def test_a_hold_is_released_by_two_persons(compliant: Station) -> None:
    """One requests and the other approves; the approval counts once, and each step is on record."""
    ids = [compliant.entries()[0].archive_id]
    with person(compliant, "os:ann") as ann, person(compliant, "web:bob") as bob:
        number = requested(lambda: ann.retention.release(ids))
        assert requested(lambda: ann.retention.release(ids)) == number
        assert [each.hold_reason for each in ann.retention.holds()] == ["complaint 7"]
        approved = bob.retention.approve(number)
        assert (approved.act, approved.subject, approved.approved_by) == (Act.RELEASE, {"entries": ids}, "web:bob")
        ann.retention.release(ids)
        assert not ann.retention.holds() and not ann.retention.approvals()
        ann.retention.hold(ids, "complaint 8")
        assert requested(lambda: ann.retention.release(ids)) != number
    assert history(compliant, "approval", "hold.released") == [
        ("approval.requested", "os:ann"),
        ("approval.given", "web:bob"),
        ("approval.used", "os:ann"),
        ("hold.released", "os:ann"),
        ("approval.requested", "os:ann"),
    ]


@pytest.mark.parametrize("other", ["os:ann", "web:Ann", "token:ann/nightly", r"os:PLANT\ann", "os:ann@plant.example"])
def test_one_person_with_two_names_is_no_second_person(compliant: Station, other: str) -> None:
    """Neither account, user nor token of whoever requested it approves it; the attempt is on record."""
    ids = [compliant.entries()[0].archive_id]
    with person(compliant, "os:ann") as ann, person(compliant, other) as same:
        number = requested(lambda: ann.retention.release(ids))
        with pytest.raises(ComplianceRefused, match="not another person"):
            same.retention.approve(number)
        assert requested(lambda: ann.retention.release(ids)) == number
    assert history(compliant, "compliance.refused") == [("compliance.refused", other)]


@pytest.mark.parametrize("nobody", ["service", "configuration", "token:station", "os:unknown", "bob"])
def test_a_program_is_no_person(compliant: Station, nobody: str) -> None:
    """What names no person neither requests nor approves."""
    ids = [compliant.entries()[0].archive_id]
    with person(compliant, nobody) as program, person(compliant, "os:ann") as ann:
        with pytest.raises(ComplianceRefused, match="names no person"):
            program.retention.release(ids)
        number = requested(lambda: ann.retention.release(ids))
        with pytest.raises(ComplianceRefused, match="not another person"):
            program.retention.approve(number)
        assert len(ann.retention.holds()) == 1


def test_an_approval_is_for_the_one_who_requested_it_and_for_this_alone(compliant: Station) -> None:
    """Whoever approved does not carry it out, and it covers no other entry."""
    first, second = (each.archive_id for each in compliant.entries())
    with person(compliant, "os:ann") as ann, person(compliant, "os:bob") as bob:
        ann.retention.hold([second], "complaint 8")
        number = requested(lambda: ann.retention.release([first]))
        bob.retention.approve(number)
        requested(lambda: bob.retention.release([first]))
        requested(lambda: ann.retention.release([first, second]))
        assert len(ann.retention.holds()) == 2


def test_after_an_hour_a_request_is_over(compliant: Station) -> None:
    """It is neither approved nor used then, whether it was approved before or not."""
    now = utc_now()
    subject = {"entries": ["x"]}
    with Archive.open(compliant.archive_root, clock=lambda: now) as archive:
        number = requested(lambda: approvals.require(archive, Act.RELEASE, subject, actor="os:ann"))
        approvals.approve(archive, number, actor="os:bob")
        now += timedelta(hours=1)
        assert approvals.requests(archive) == ()
        later = requested(lambda: approvals.require(archive, Act.RELEASE, subject, actor="os:ann"))
        assert later != number
        with pytest.raises(UsageError, match="no request"):
            approvals.approve(archive, number, actor="os:bob")
        now += timedelta(minutes=59)
        approvals.approve(archive, later, actor="os:bob")
        approvals.require(archive, Act.RELEASE, subject, actor="os:ann")


def test_a_replay_needs_a_reason_and_sending_needs_an_approval(compliant: Station) -> None:
    """Only a dry run is free; the approval names exactly these entries and this request."""
    ids = [compliant.entries()[1].archive_id]
    sent = len(compliant.server.received)
    with person(compliant, "os:ann") as ann, person(compliant, "os:bob") as bob:
        ann.replay(ids, ReplayRequest(dry_run=True), processes=1)
        with pytest.raises(ComplianceRefused, match="a replay needs a reason"):
            ann.replay(ids, ReplayRequest(), processes=1)
        ann.replay(ids, ReplayRequest(reason="a new converter"), processes=1)
        number = requested(lambda: ann.replay(ids, SENT, processes=1))
        approved = bob.retention.approve(number)
        assert approved.subject["request"]["reason"] == "limits corrected"
        assert words.subject(approved).startswith(f"1 entry: {ids[0]}; new ids")
        run = ann.replay(ids, SENT, processes=1)
        requested(lambda: ann.replay(ids, SENT, processes=1))
        number = requested(lambda: ann.roll_back_run(run.run_id))
        assert words.subject(bob.retention.approve(number)) == f"run {run.run_id}"
        assert [each.is_set_back for each in ann.roll_back_run(run.run_id)] == [True]
    compliant.run()
    assert len(compliant.server.received) == sent  # the rollback withheld what still waited
    assert history(compliant, "compliance.refused") == [("compliance.refused", "os:ann")]


def test_a_doubtful_clock_is_confirmed_by_two_persons(compliant: Station) -> None:
    """Whoever sets the clock ahead cannot alone make entries old enough for a purge."""
    with person(compliant, "os:ann") as ann, person(compliant, "os:bob") as bob:
        assert "was expected" in words.subject(bob.retention.approve(requested(ann.retention.confirm_clock)))
        ann.retention.confirm_clock()
    assert history(compliant, "clock.confirmed") == [("clock.confirmed", "os:ann")]


def test_the_command_requests_lists_and_approves(compliant: Station) -> None:
    """One line says what to do; whoever requested it cannot approve it under the same account."""
    first = compliant.entries()[0].archive_id
    place = ("--config", str(compliant.root / "config.json"))
    refused = command("hold", "release", first, *place)
    assert (refused.returncode, refused.stdout) == (2, "") and refused.stderr.count("\n") == 1
    (number,) = re.findall(r"approve (\d+)'", refused.stderr)
    listed = command("approve", *place).stdout
    assert number in listed and "release a hold" in listed and "{" not in listed
    document = json.loads(command("approve", *place, "--json").stdout)
    assert document["approvals"] and faults_of(document, DOCUMENTS["approve"]) == []
    own = command("approve", number, *place)
    assert own.returncode == 2 and "not another person" in own.stderr
    with person(compliant, "web:bob") as bob:
        bob.retention.approve(int(number))
    assert command("hold", "release", first, *place).returncode == 0
    assert "no request waits" in command("approve", *place).stdout


@dataclass(frozen=True)
class Named:
    """An actor and the person behind it."""

    actor: str
    person: str | None


@pytest.mark.parametrize(
    "each",
    [
        Named("os:Ann", "ann"),
        Named("web:\uff21NN", "ann"),
        Named("token:ann/x/y", "ann"),
        Named("token:station", None),
        Named("os:", None),
        Named("person:ann", None),
    ],
)
def test_the_person_behind_an_actor(each: Named) -> None:
    """Account, user and token of one name are one person; a program is none."""
    assert person_of(each.actor) == each.person
