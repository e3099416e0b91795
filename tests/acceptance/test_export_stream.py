"""Bags as downloads: by the library, the API, the network and the pages; the same bags as the command makes, on record."""

from __future__ import annotations

import json
import os
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.bags import contents, records, require_valid, unpacked
from tests.command import command
from tests.filled import fill
from tests.station import PATIENCE_S, Station, wait_for
from tests.web_server import Pages, pages

from pywats_archive import Client, EntryFilter, EventFilter
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.client.export.bag import streaming
from pywats_archive.errors import UsageError
from pywats_archive.models.event import RecordedEvent
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users
from pywats_archive.web.station import MOST_DOWNLOADS

PASSWORD = "a long enough password"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with an archive that holds one of everything."""
    fill(tmp_path)
    return tmp_path


@pytest.fixture
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    Users(root / "archive").add("vera", PASSWORD, Role.VIEWER)
    with pages(root / "archive") as running:
        yield running


def bag_of(content: bytes, root: Path, name: str) -> Path:
    """Unpack a downloaded bag, and require that it is valid."""
    (root / f"{name}.zip").write_bytes(content)
    bag = unpacked(root / f"{name}.zip", root / f"{name}-unpacked")
    require_valid(bag)
    return bag


def exports(root: Path) -> list[RecordedEvent]:
    with Client(root / "archive") as client:
        return list(client.audit(EventFilter(kinds=("entry.exported", "bag.exported"))))


def test_a_stream_is_the_bag_that_the_command_makes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Valid, with the same content, made in several batches, recorded before and after; it can be imported."""
    monkeypatch.setattr(streaming, "_AT_ONCE", 2)
    assert command("export", "--to", root / "made", "--archive", root / "archive").returncode == 0
    before = len(exports(root))
    with Client(root / "archive", actor="os:ann") as client:
        pieces = list(client.stream_bag("mine", reason=" a claim "))
        assert len(pieces) > 5  # sent while it is made
    bag = bag_of(b"".join(pieces), root, "mine")
    assert bag.name == "mine" and contents(bag) == contents(root / "made")
    assert records(bag).keys() == records(root / "made").keys()
    *entries, whole = exports(root)[before:]
    assert [each.kind for each in entries] == ["entry.exported"] * 5
    assert {each.archive_id for each in entries} == records(bag).keys()
    for each in (*entries, whole):
        assert each.actor == "os:ann"
        named = {name: each.details[name] for name in ("to", "downloaded", "reason")}
        assert named == {"to": "mine.zip", "downloaded": True, "reason": "a claim"}
    assert whole.kind == "bag.exported" and whole.details["entries"] == 5
    assert whole.details["sha256"] == sha256((bag / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    answer = command("import", root / "mine.zip", "--archive", root / "other", "--json")
    assert answer.returncode == 0 and json.loads(answer.stdout)["imported"] == 5


def test_the_command_records_the_reason_and_the_checksum(root: Path) -> None:
    """The history has the checksum that the command printed, for each way of exporting."""
    words = ("--archive", root / "archive", "--reason", "customer audit 7", "--json")
    answer = json.loads(command("export", "SN0", "--to", root / "one", *words).stdout)
    entry, whole = exports(root)
    assert (entry.kind, whole.kind, whole.details["sha256"]) == ("entry.exported", "bag.exported", answer["sha256"])
    assert entry.details["reason"] == whole.details["reason"] == "customer audit 7"
    assert whole.details["to"] == str(root / "one") and "downloaded" not in whole.details


def test_a_damaged_file_is_named_and_not_half_there(root: Path) -> None:
    """What cannot be read whole is not in the stream, which goes on, is valid and says why."""
    with Client(root / "archive") as client:
        entry = client.details(client.resolve("SN0")).entry
        blob = root / "archive" / entry.source_archived_path
        blob.chmod(0o600)
        blob.write_bytes(blob.read_bytes()[:-100])
        bag = bag_of(b"".join(client.stream_bag("damaged")), root, "damaged")
    assert not [path for path in contents(bag) if entry.archive_id in path and "/source/" in path]
    assert "restore this file" in (bag / "manifest.csv").read_text(encoding="utf-8")
    assert exports(root)[-1].details["missing_files"] == 1


def test_a_large_source_needs_no_memory(tmp_path: Path) -> None:
    """40 MB that cannot be compressed pass through less than 12 MB of memory (invariant 9)."""
    (tmp_path / "large").write_bytes(os.urandom(40_000_000))
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        ingest.archive_source(archive, ingest.NewSource(path=tmp_path / "large", converter_name="C"))
    with Client(tmp_path / "archive") as client, (tmp_path / "bag.zip").open("wb") as file:
        tracemalloc.start()
        try:
            file.writelines(client.stream_bag("bag"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 12_000_000, peak
    with zipfile.ZipFile(tmp_path / "bag.zip") as packed:
        (name,) = (each for each in packed.namelist() if "/source/" in each)
        assert packed.read(name) == (tmp_path / "large").read_bytes()


def test_a_few_downloads_are_sent_at_once(tmp_path: Path) -> None:
    """Each may hold a large source in a temporary file: one too many is refused, until a browser leaves (invariant 9)."""
    (tmp_path / "large").write_bytes(os.urandom(30_000_000))
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        ingest.archive_source(archive, ingest.NewSource(path=tmp_path / "large", converter_name="C"))

    def status(api: httpx.Client) -> int:
        with api.stream("POST", "/api/v1/bag", json={}) as answer:
            return answer.status_code

    with pages(tmp_path / "archive") as served, served.api() as api:
        with ExitStack() as sent:
            for _ in range(MOST_DOWNLOADS):
                assert sent.enter_context(api.stream("POST", "/api/v1/bag", json={})).status_code == 200
            refused = api.post("/api/v1/bag", json={})
            assert refused.status_code == 503 and "downloads are being sent already" in refused.text
        for _ in range(MOST_DOWNLOADS + 1):
            wait_for(lambda: status(api) == 200)


def test_nothing_to_export_is_an_error_before_anything_is_sent(root: Path, served: Pages) -> None:
    """By the library, the API, and a client over the network; no event is recorded."""
    none = EntryFilter(serial_number="nobody")
    with Client(root / "archive") as here, Client(served.address, token=served.token) as there:
        for client in (here, there):
            with pytest.raises(UsageError, match="no entry matches"):
                list(client.stream_bag("none", none))
    with served.api() as api:
        assert api.post("/api/v1/bag?serial=nobody", json={}).status_code == 422
        assert api.post("/api/v1/bag", json={"odd": 1}).status_code == 422
    assert exports(root) == []


def test_over_the_network(root: Path, served: Pages) -> None:
    """The bag of the filter arrives whole, under its name, and the history names whoever has the token."""
    token = Users(root / "archive").add_token("vera", "office", days=1)
    with Client(served.address, token=token) as there:
        content = b"".join(there.stream_bag("a/b", EntryFilter(serial_number="SN0"), reports=False, reason="why"))
    bag = bag_of(content, root, "there")
    assert bag.name == "a_b" and len(records(bag)) == 1
    assert {path.split("/")[3] for path in contents(bag)} == {"source", "companions"}
    assert {(each.actor, each.details["reason"]) for each in exports(root)} == {("token:vera/office", "why")}


def fields(text: str) -> dict[str, Any]:
    return dict(re.findall(r'<input type="checkbox" name="(sources|reports)" value="([^"]*)" checked', text))


def test_from_the_pages(root: Path, served: Pages) -> None:
    """A viewer sees how much it is, chooses, says why, and gets the bag of exactly these entries."""
    with httpx.Client(
        base_url=served.address, timeout=PATIENCE_S, headers={"sec-fetch-site": "same-origin"}
    ) as browser:
        browser.post("/sign-in", data={"name": "vera", "password": PASSWORD})
        shown = browser.get("/archives/chosen?do=export&all=yes&converter=C", follow_redirects=True)
        assert "4 sources, " in shown.text and "reports</label>" in shown.text
        found = re.search(r'method="post" action="(/archives/export[^"]*)"', shown.text)
        assert found and fields(shown.text) == {"sources": "yes", "reports": "yes"}
        place = unescape(found[1])
        whole = browser.post(place, data={**fields(shown.text), "reason": "an audit"})
        assert whole.headers["content-type"] == "application/zip" and whole.headers["content-encoding"] == "identity"
        assert re.fullmatch(r"attachment; filename\*=UTF-8''archive-[\d-]+\.zip", whole.headers["content-disposition"])
        bare = browser.post(place, data={"reason": ""})
        none = browser.post("/archives/export?serial=nobody", data={"sources": "yes"})
    bag = bag_of(whole.content, root, "whole")
    assert len(records(bag)) == 4 and {path.split("/")[3] for path in contents(bag)} == {
        "source",
        "companions",
        "reports",
    }
    assert contents(bag_of(bare.content, root, "bare")) == {}
    assert none.status_code == 422 and "no entry matches" in none.text
    told = exports(root)
    assert {each.actor for each in told} == {"web:vera"} and [each.kind for each in told].count("bag.exported") == 2
    assert [each.details.get("reason") for each in told] == ["an audit"] * 5 + [None] * 5


def test_a_signed_download(station: Station) -> None:
    """With the station's key, a download is signed as an export is."""
    (station.add("C") / "SN1.log").write_text("x")
    station.run()
    with Client.from_config(station.write_config()) as client:
        bag = bag_of(b"".join(client.stream_bag("signed")), station.root, "signed")
        (event,) = client.audit(EventFilter(kinds=("bag.exported",)))
    said = require_valid(bag)
    assert sum("Signature Verified Successfully" in each for each in said) == 2
    assert (station.archive_root / f"public-key-{event.details['key']}.pem").read_bytes() == (
        bag / "public-key.pem"
    ).read_bytes()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_from_an_entry_without_scripts(chromium: Browser, root: Path, served: Pages, width: int) -> None:  # noqa: F811
    """The page of an entry leads to the form; the browser saves a bag of this entry."""
    page, complaints = _open(chromium, served, width=width, scripts=False)
    with Client(root / "archive") as client:
        archive_id = client.resolve("SN0")
    page.goto(f"{served.address}/entries/{archive_id}")
    follow(page.get_by_role("link", name="Export"))
    page.get_by_label("report").uncheck()
    page.get_by_label("Why").fill("claim 4711")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download 1 entry").click()
    bag = bag_of(saved.value.path().read_bytes(), root, "saved")
    assert records(bag).keys() == {archive_id} and saved.value.suggested_filename.endswith(".zip")
    assert not [path for path in contents(bag) if "/reports/" in path]
    assert exports(root)[-1].details["reason"] == "claim 4711" and complaints == []
