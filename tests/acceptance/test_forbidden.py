"""What a compliant archive forbids: by command, by page and over the API, each act is refused and on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest
from tests.command import command
from tests.station import Station
from tests.web_server import Pages, serving

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ComplianceRefused
from pywats_archive.models.event import EventFilter
from pywats_archive.portable.uptime import uptime
from pywats_archive.retention import enforcing
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users

PASSWORD = "a password of some length"


class Act(NamedTuple):
    """A forbidden act, and the words of the rule."""

    words: tuple[str, ...]
    rule: str


ACTS = {
    "purge by id": Act(("purge", "{id}", "--yes"), "nothing is purged by hand"),
    "purge by filter": Act(("purge", "--from", "2020-01-01", "--yes"), "nothing is purged by hand"),
    "purge what is damaged": Act(("purge", "{id}", "--even-damaged", "--yes"), "nothing is purged by hand"),
    "erase": Act(("erase", "{id}", "--reason", "request 12", "--yes"), "nothing is erased"),
    "fewer days": Act(("policy", "set", "c", "--retention-days", "89", "--yes"), "retention can only grow"),
    "a smaller size": Act(("policy", "set", "c", "--max-size-gb", "1", "--yes"), "retention can only grow"),
    "a default policy": Act(("policy", "set", "*", "--retention-days", "1", "--yes"), "retention can only grow"),
    "another reason of a hold": Act(("hold", "add", "{held}", "--reason", "other"), "a hold cannot be replaced"),
    "release": Act(("hold", "release", "{held}"), "a second person must approve"),
    "clock": Act(("purge", "--confirm-clock", "--yes"), "a second person must approve"),
    "replay": Act(("reprocess", "start", "{id}", "--yes"), "a replay needs a reason"),
    "sending": Act(
        ("reprocess", "start", "{id}", "--yes", "--submit", "--reason", "r"), "a second person must approve"
    ),
}


class Posted(NamedTuple):
    """A forbidden act over HTTP: the address, the form or JSON, and the words of the rule."""

    path: str
    fields: dict[str, object]
    rule: str


POSTED = (
    Posted("/retention/policy", {"converter": "c", "retention_days": "1"}, "retention can only grow"),
    Posted("/entries/{held}/release", {}, "a second person must approve"),
    Posted("/entries/{held}/hold", {"reason": "other"}, "a hold cannot be replaced"),
    Posted("/api/v1/purges/entries", {"archive_ids": ["{id}"]}, "nothing is purged by hand"),
    Posted("/api/v1/holds/release", {"archive_ids": ["{held}"]}, "a second person must approve"),
    Posted(
        "/api/v1/retention/policy",
        {"converter_name": "c", "changes": {"max_size_gb": 1}, "confirmed": True},
        "retention can only grow",
    ),
    Posted("/api/v1/clocks/confirm", {}, "a second person must approve"),
)


@pytest.fixture
def compliant(station: Station) -> Station:
    """A station with a compliant archive of two entries; the first one is held."""
    watch = station.add("c", compliance=True, retention_days=90)
    for name in ("a", "b"):
        (watch / f"{name}.log").write_bytes(name.encode())
    station.run()
    with Client.from_config(station.root / "config.json", actor="os:ann") as client:
        client.retention.hold([station.entries()[0].archive_id], "complaint 7")
    return station


@pytest.fixture
def served(compliant: Station) -> Iterator[Pages]:
    """Its pages, with two admins."""
    users = Users(compliant.root)
    for name in ("ann", "bob"):
        users.add(name, PASSWORD, Role.ADMIN)
    config = str(compliant.root / "config.json")
    with serving("web", "--port", "0", "--config", config) as running:
        yield running


def recorded(station: Station) -> int:
    """Count the refusals and requests in the history."""
    with Client(station.archive_root) as client:
        return len(client.events(EventFilter(kinds=("compliance.refused", "approval.requested"))).events)


def is_untouched(station: Station) -> bool:
    """Whether each entry has its bytes, the first one its hold, and the policy its days."""
    with Client(station.archive_root) as client:
        held = [each.hold_reason for each in client.retention.holds()] == ["complaint 7"]
        kept = all(each.purged_at is None for each in station.entries())
        return held and kept and client.retention.policy("c").retention_days == 90


@pytest.mark.parametrize("name", ACTS)
def test_a_command_is_refused(compliant: Station, name: str) -> None:
    """One line names the rule, the exit code is 2, the history has the attempt, and nothing changed."""
    held, other = (each.archive_id for each in compliant.entries())
    words = [word.format(id=other, held=held) for word in ACTS[name].words]
    answer = command(*words, "--config", str(compliant.root / "config.json"))
    assert answer.returncode == 2, answer.stderr
    assert "is a compliant archive" in answer.stderr and ACTS[name].rule in answer.stderr
    assert recorded(compliant) == 1 and is_untouched(compliant)


def test_pages_and_api_refuse_it_too(compliant: Station, served: Pages) -> None:
    """Each act is a conflict that names the rule, and the history has each attempt of the user."""
    held, other = (each.archive_id for each in compliant.entries())
    with served.browser() as browser:
        assert browser.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 200
        for number, act in enumerate(POSTED, 1):
            path = act.path.format(id=other, held=held)
            fields = {
                key: [each.format(id=other, held=held) for each in value] if isinstance(value, list) else value
                for key, value in act.fields.items()
            }
            how = {"json": fields} if path.startswith("/api") else {"data": fields}
            answer = browser.post(path, **how)  # type: ignore[arg-type]
            assert answer.status_code == 409 and act.rule in answer.text, (path, answer.status_code, answer.text[:500])
            assert recorded(compliant) >= min(number, 2), path
    assert is_untouched(compliant)


def test_two_users_release_a_hold_in_the_pages(compliant: Station, served: Pages) -> None:
    """The page lists what waits, with its subject; its own user's approval is refused, the other's counts."""
    held, _ = (each.archive_id for each in compliant.entries())
    with served.browser() as browser:
        for name, status in (("ann", 409), ("bob", 200)):
            browser.post("/sign-in", data={"name": name, "password": PASSWORD})
            if name == "ann":
                assert browser.post(f"/entries/{held}/release").status_code == 409
            (request,) = browser.get("/api/v1/approvals").json()
            page = browser.get("/retention").text
            assert "Waiting for a second person" in page and held in page and "web:ann" in page
            form = {"archive": request["archive"]}
            assert browser.post(f"/retention/approvals/{request['number']}", data=form).status_code == status
        browser.post("/sign-in", data={"name": "ann", "password": PASSWORD})
        assert browser.post(f"/entries/{held}/release").status_code == 200
    with Client(compliant.archive_root) as client:
        assert not client.retention.holds()


def test_a_tombstone_outlives_the_data(station: Station) -> None:
    """What the policy purges keeps its row, serial number, checksum, reports and history, after a rebuild too."""
    (station.add("c", compliance=True, retention_days=1) / "SN1.log").write_bytes(b"first")
    station.run()
    station.run()  # which copies the catalog
    (before,) = station.entries()
    later, up = before.conversion_timestamp + timedelta(days=2), uptime()
    two_days_on = replace(up, seconds=up.seconds + 2 * 86_400)
    with Archive.open(station.archive_root, own=True, clock=lambda: later, uptimes=lambda: two_days_on) as archive:
        done = enforcing.enforce(archive, archive.policies.effective("c"), confirmed=True)
    assert done.archives_purged == 1
    (entry,) = station.entries()
    assert entry.purged_at and (entry.serial_number, entry.source_checksum) == ("SN1", before.source_checksum)
    assert not (station.archive_root / entry.source_archived_path).exists()
    with Client(station.archive_root) as client:
        client.rebuild()
    details = station.details()
    assert details.entry.purged_at and details.entry.source_checksum == before.source_checksum and details.reports
    assert "entry.purged" in [each.kind for each in details.events]
    with Client(station.archive_root) as client, pytest.raises(ComplianceRefused):
        client.retention.purge_named([entry.archive_id])


def test_a_rebuild_from_the_files_alone_keeps_the_rules(compliant: Station) -> None:
    """Without catalog and copies archive.json still says so, and policies and holds cannot get less by it."""
    for path in (compliant.archive_root / "backups").glob("*"):
        path.unlink()
    with Client(compliant.archive_root) as client:
        client.rebuild()
        assert client.retention.policy("c").retention_days == 90 and len(client.retention.holds()) == 1
        with pytest.raises(ComplianceRefused):
            client.retention.purge_named([compliant.entries()[1].archive_id])
