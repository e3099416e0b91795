"""Each access is one event with the right actor, whatever way it takes; ``audit`` shows them in every form."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.command import command
from tests.documents import faults_of
from tests.filled import fill
from tests.station import PATIENCE_S, Station
from tests.web_server import Pages, pages

from pywats_archive import AuditCategory, Client, EntryFilter, Event, EventFilter
from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.catalog import events
from pywats_archive.cli.audit import AuditList
from pywats_archive.models.time import utc_now
from pywats_archive.portable.user import current_actor
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users

PASSWORD = "a long enough password"
SIGNED_IN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with two files, companions and reports, and a user of its pages."""
    base = tmp_path_factory.mktemp("audit")
    fill(base)
    users = Users(base / "archive")
    users.add("ann", PASSWORD, Role.ADMIN)
    return base / "archive"


@pytest.fixture(scope="module")
def entry(root: Path) -> str:
    """An entry with a source, a companion and reports."""
    with Client(root) as client:
        return min(each.archive_id for each in client.find().items if each.companions)


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


def since(root: Path, before: int) -> list[tuple[str, str]]:
    """Return kind and actor of the accesses to content after so many."""
    return [(each.kind, each.actor) for each in accesses(root)[before:]]


def accesses(root: Path) -> list[Event]:
    with Client(root) as client:
        return list(client.audit(EventFilter(categories=(AuditCategory.ACCESS,))))


COMMANDS = {
    ("cat", "{entry}"): ["source.restored"],
    ("cat", "{entry}", "--companion", "{companion}"): ["source.restored"],
    ("cat", "{entry}", "--report", "1"): ["report.read"],
    ("show", "{entry}", "--report", "1"): ["report.read"],
    ("show", "{entry}"): [],
    ("list",): [],
    ("restore", "{entry}", "--to", "{to}"): ["source.restored"],
    ("restore", "{entry}", "--to", "{to}", "--reports"): ["source.restored", "report.read"],
}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_access_by_the_command(root: Path, entry: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    """One event, by the account that runs the command (invariant 8)."""
    before = len(accesses(root))
    names = {"entry": entry, "companion": "SN0.extra", "to": str(tmp_path)}
    assert command(*(word.format(**names) for word in words), "--archive", root, encoding="latin-1").returncode == 0
    assert since(root, before) == [(kind, current_actor()) for kind in COMMANDS[words]]


def test_each_access_by_the_library(root: Path, entry: str, tmp_path: Path) -> None:
    """One event, by the account, or by the name that the program gives."""
    before = len(accesses(root))
    with Client(root) as client:
        client.open_source(entry).close()
        client.open_companion(entry, "SN0.extra").close()
        client.open_report(entry, 1).close()
        client.restore([entry], tmp_path)
        list(client.export(EntryFilter(archive_ids=(entry,)), actor="nightly"))
    kinds = ["source.restored", "source.restored", "report.read", "source.restored"]
    exported = ["source.restored", "source.restored", "report.read"]
    assert since(root, before) == [
        *((kind, current_actor()) for kind in kinds),
        *((each, "nightly") for each in exported),
    ]


def test_each_access_by_the_api(served: Pages, root: Path, entry: str) -> None:
    """One event, by the token of a user, or by the station's, which names nobody."""
    token, before = Users(root).add_token("ann", "nightly", days=1), len(accesses(root))
    for secret in (token, served.token):
        with httpx.Client(
            timeout=PATIENCE_S, base_url=served.address, headers={"authorization": f"Bearer {secret}"}
        ) as program:
            for place in ("source", "companion?name=SN0.extra", "reports/1"):
                assert program.get(f"/api/v1/entries/{entry}/{place}").status_code == 200
    kinds = ("source.restored", "source.restored", "report.read")
    actors = ("token:ann/nightly", "token:station")
    assert since(root, before) == [(kind, actor) for actor in actors for kind in kinds]
    with Client(root) as client:
        used = [each.actor for each in client.audit(EventFilter(kinds=("token.used",)))]
    assert set(used) == set(actors) and len(used) == 2  # the first of an hour; the rest in a sum


def test_each_access_by_a_page_and_over_the_network(served: Pages, root: Path, entry: str) -> None:
    """One event, by the user who signed in; a client over the network is a user's token."""
    with httpx.Client(timeout=PATIENCE_S, base_url=served.address, headers=SIGNED_IN) as browser:
        assert browser.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 303
        before = len(accesses(root))
        assert browser.get(f"/entries/{entry}").status_code == 200
        assert browser.get(f"/entries/{entry}?tab=source").status_code == 200
    assert since(root, before) == [("report.read", "web:ann"), ("source.restored", "web:ann")]
    token, before = Users(root).add_token("ann", "office", days=1), len(accesses(root))
    with Client(served.address, token=token) as there, there.open_source(entry) as content:
        content.read()
    assert since(root, before) == [("source.restored", "token:ann/office")]
    with Client(root) as client:
        signed = list(client.audit(EventFilter(actor="ann", kinds=("user.signed_in",))))
        assert [each.actor for each in signed] == ["web:ann"]
        assert {each.actor for each in client.audit(EventFilter(actor="ann"))} >= {"web:ann", "token:ann/office"}


def test_each_refusal_is_on_record(served: Pages, root: Path) -> None:
    """Nobody signed in, a wrong token, another site, another host; a page that leads to the sign-in refuses nothing."""
    with httpx.Client(timeout=PATIENCE_S, base_url=served.address) as stranger:
        assert stranger.get("/api/v1/entries").status_code == 401
        assert stranger.get("/api/v1/entries", headers={"authorization": "Bearer x"}).status_code == 401
        assert stranger.post("/sign-in", headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert stranger.get("/", headers={"host": "evil.example"}).status_code == 421
        assert stranger.get("/").status_code == 303
    with Client(root) as client:
        found = list(client.audit(EventFilter(kinds=("request.refused", "user.refused"))))
    assert [each.details.get("reason", each.details.get("by")) for each in found] == ["nobody", "token", "site", "host"]
    assert {each.actor for each in found} == {"unknown"}


def test_the_same_over_the_network(served: Pages, root: Path, entry: str) -> None:
    """The API streams what the archive has, to admins."""
    with Client(served.address, token=served.token) as there, Client(root) as here:
        here.open_companion(entry, "SN0.extra").close()
        wanted = EventFilter(categories=(AuditCategory.ACCESS,), text="sn0.EXTRA")
        found = list(there.audit(wanted, newest=3))
        assert found == list(here.audit(wanted, newest=3)) and 0 < len(found) <= 3


def test_a_place_is_named_without_detours(root: Path, entry: str, tmp_path: Path) -> None:
    """Wherever a person restored or exported to, an auditor reads one whole path."""
    before, there = len(accesses(root)), tmp_path / "there"
    there.mkdir()
    for words in (
        ("restore", entry, "--to", f"{there}/../here", "--reports"),
        ("export", entry, "--to", f"{there}/../bag"),
    ):
        assert command(*words, "--archive", root).returncode == 0
    places = {Path(str(each.details["to"])) for each in accesses(root)[before:] if "to" in each.details}
    assert {tmp_path / "bag", tmp_path / "here"} <= {place.parent for place in places} | places
    assert not [place for place in places if ".." in place.parts]


def test_the_three_forms_of_the_verb(tmp_path: Path) -> None:
    """A table for people, one document, and CSV in which no spreadsheet finds a formula."""
    (entry, *_) = sorted(fill(tmp_path))
    here = ("--archive", tmp_path / "archive")
    evil = "=HYPERLINK(1);☃\n2"
    assert command("hold", "add", entry, "--reason", evil, *here).returncode == 0
    command("cat", entry, *here, encoding="latin-1")
    table = command("audit", *here).stdout
    assert [line.split()[3] for line in table.splitlines()] == ["hold.added", "source.restored"]
    assert "reason =HYPERLINK(1);" in table and current_actor() in table
    answer = json.loads(command("audit", "--json", *here).stdout)
    assert faults_of(answer, AuditList) == []
    assert [each["kind"] for each in answer["events"]] == ["hold.added", "source.restored"]
    rows = list(csv.DictReader(io.StringIO(command("audit", "--csv", *here).stdout)))
    assert [row["category"] for row in rows] == ["hold", "access"]
    assert rows[0]["reason"] == f"'{evil}" and json.loads(rows[0]["details"])["reason"] == evil
    assert command("audit", "--csv", "--json", *here).returncode == 2
    assert (
        "Invalid value for '--category': 'foo' is not one of 'access', " in command("audit", "--category", "foo").stderr
    )
    for words, kinds in (
        (["--category", "hold"], ["hold.added"]),
        (["--kind", "source.restored"], ["source.restored"]),
        (["--actor", "service"], []),
        (["--actor", current_actor().removeprefix("os:")], ["hold.added", "source.restored"]),
        (["--text", "hyperlink"], ["hold.added"]),
        (["--id", entry, "--limit", "1"], ["source.restored"]),
        (["--until", "2020-01-01"], []),
        (["--since", "1h", "--until", f"{utc_now():%Y-%m-%d}"], ["hold.added", "source.restored"]),
        (["--kind", "source.archived", "--id", entry], ["source.archived"]),
    ):
        found = json.loads(command("audit", "--json", *words, *here).stdout)["events"]
        assert [each["kind"] for each in found] == kinds, words


def test_a_long_history_is_streamed(tmp_path: Path) -> None:
    """40,000 events, which take 37 MB all together, are read with less than 20 MB (invariant 9)."""
    root = tmp_path / "archive"
    with Archive.open(root, create=True, own=True) as archive:
        made = Event(kind="report.read", at=utc_now(), actor="os:ann", details={"to": "x" * 100})
        archive.write(lambda tx: [events.append(tx, made) for _ in range(40_000)])
    with Client(root) as client:
        tracemalloc.start()
        try:
            numbers = [each.sequence for each in client.audit()]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        first = numbers[0] or 0
        assert numbers == list(range(first, first + 40_000))
        assert peak < 20_000_000
        assert [each.sequence for each in client.audit(newest=2)] == numbers[-2:]


def test_two_archives_are_merged_by_time(tmp_path: Path) -> None:
    """Each event says whose it is; the newest are the newest of both."""
    roots = []
    for number in (1, 2):
        roots.append(tmp_path / str(number))
        with Archive.open(roots[-1], create=True, own=True) as archive:
            for hour in range(number, 6, 2):
                moment = utc_now().replace(hour=hour, minute=0)
                history.append(archive, Event(kind="hold.added", at=moment))
    with Client(roots) as client:
        assert [each.at.hour for each in client.audit()] == [1, 2, 3, 4, 5]
        page = client.events(EventFilter(kinds=("hold",), actor="service"), limit=2)
        assert [each.at.hour for each in page.events] == [4, 5]
        assert [(each.at.hour, each.archive) for each in client.audit(newest=2)] == [(4, roots[1]), (5, roots[0])]


def test_the_service_says_when_it_ran_and_takes_notes_in(station: Station) -> None:
    """Its version, account and computer are in the history of each run, and the folder for notes is there."""
    (station.add("ict") / "a.log").write_text("a")
    station.run()
    with station.archive() as archive, archive.read() as db:
        found = [each for each in events.iterate(db) if each.kind.startswith("service.")]
    assert [each.kind for each in found] == ["service.started", "service.stopped"]
    assert all(each.actor == "service" and each.details["version"] and each.details["account"] for each in found)
    assert (station.archive_root / "accesses").is_dir()
