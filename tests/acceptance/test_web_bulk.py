"""Actions over many entries: what is shown before, what is done, and what refuses, on the pages and in their JSON twin."""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.filled import fill
from tests.station import PATIENCE_S
from tests.web_server import Pages, pages

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.client import Client
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter

KEY = re.compile(r'name="key" value="([0-9a-f]{16})"')


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with one of everything: five entries, of which none was sent to a server."""
    fill(tmp_path)
    return tmp_path / "archive"


@pytest.fixture
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


def ids_of(root: Path) -> list[str]:
    with Client(root) as client:
        return [entry.archive_id for entry in client.entries(EntryFilter(converter_name="C"))]


def fail(root: Path, name: str) -> str:
    """Add an entry that nothing keeps from a purge: it was converted, and has no report."""
    path = root.parent / name
    path.write_bytes(name.encode())
    with Archive.open(root, own=True) as archive:
        entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="F"))
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=archive.now(),
            duration_ms=1,
            status=ConversionStatus.FAILED,
            converter_name="F",
            converter_class="m.F",
            error="no header",
        )
        conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=[]))
        return entry.archive_id


def fields_of(form: str) -> dict[str, str]:
    """What a browser sends of a form as it was shown."""
    return dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))


def carried_out(browser: httpx.Client, place: str, **fields: str) -> str:
    """Send the form of a page, and return the page of its outcome once it has ended."""
    form = browser.get(place).text
    shown = browser.post(place, data={**fields_of(form), **fields})
    return ended(browser, str(shown.url))


def ended(browser: httpx.Client, place: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while "data-refresh" in (shown := browser.get(place).text):
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.05)
    return shown


def test_ticked_rows_lead_to_a_page_that_says_what_will_happen(root: Path, served: Pages) -> None:
    """Ids of ticked rows, or the view itself, and nothing is done yet; without a row the page says what to do."""
    first, second, *_ = ids_of(root)
    with served.browser() as browser:
        ticked = {"do": "hold", "id": [first, second]}
        shown = browser.get("/archives/chosen", params=ticked)
        assert "<h1>Hold 2 entries</h1>" in shown.text and f"ids={first}%2C{second}" in str(shown.url)
        every = browser.get("/archives/chosen", params={"do": "hold", "all": "yes", "converter": "C", "id": first})
        assert "<h1>Hold 4 entries</h1>" in every.text and "&to=" in str(every.url) and "ids=" not in str(every.url)
        replay = browser.get("/archives/chosen", params={"do": "reprocess", "id": first})
        assert replay.url.path == "/runs/new" and replay.url.params["ids"] == first
        assert browser.get("/archives/chosen", params={"do": "hold"}).status_code == 422
        assert browser.get("/archives/chosen", params={"do": "erase", "id": first}).status_code == 422
    with Client(root) as client:
        assert client.retention.holds() == ()


def test_holding_and_releasing(root: Path, served: Pages) -> None:
    """Each entry has its outcome; what is held already keeps its reason, and a form that was sent twice is done once."""
    first, second, *rest = ids_of(root)
    with Client(root, actor="ann") as client:
        client.retention.hold([first], "a recall")
    with served.browser() as browser:
        place = f"/archives/hold?ids={first},{second}"
        assert "1 entry is held already" in browser.get(place).text
        assert browser.post(place, data={"key": "0" * 16, "entries": "2", "reason": " "}).status_code == 422
        shown = carried_out(browser, place, reason="a claim <b>")
        assert "1 of 2 entries held, 1 not" in shown and "was held already by ann: a recall" in shown
        shown = carried_out(browser, "/archives/release?converter=C")
        assert "2 of 4 entries released, 2 not" in shown and shown.count("was not held") == 2
        form = browser.get(place).text
        (key,) = KEY.findall(form)
        sent = [browser.post(place, data={"key": key, "entries": "2", "reason": "twice"}) for _ in range(2)]
        assert sent[0].url == sent[1].url and sent[0].url.path == f"/archives/jobs/{key}"
        ended(browser, sent[0].url.path)
    with Client(root) as client:
        held = [event for event in client.details(second).events if event.kind == "hold.added"]
        assert [event.details["reason"] for event in held] == ["a claim <b>", "twice"]
        assert {hold.archive_id for hold in client.retention.holds()} == {first, second} and rest


def test_other_entries_than_were_shown_are_never_changed(root: Path, served: Pages) -> None:
    """If the view has other entries by then, nothing is done, and the page asks again."""
    with served.browser() as browser:
        answer = browser.post("/archives/hold", data={"key": "0" * 16, "entries": "4", "reason": "r"})
        assert answer.status_code == 409 and "5 entries match now, and the form showed 4" in unescape(answer.text)
        assert browser.get(f"/archives/jobs/{'0' * 16}").status_code == 404
    with Client(root) as client:
        assert client.retention.holds() == ()


def test_restoring_into_a_folder_of_the_station(root: Path, served: Pages) -> None:
    """The sources lie below 'restored' beside the archive, nowhere else; what is not kept is named."""
    with served.browser() as browser:
        for odd in ("../x", "/etc", "a/b", "..", "", "x" * 81, "nul\0"):
            answer = browser.post("/archives/restore", data={"key": "0" * 16, "entries": "5", "folder": odd})
            assert answer.status_code == 422, odd
        shown = carried_out(browser, "/archives/restore", folder="monday", reports="yes")
        assert "4 of 5 entries restored, 1 not" in shown and "its source was not kept" in shown
    target = root.parent / "restored" / "monday"
    assert (target / "SN0.csv").read_bytes() == (root.parent / "SN0.csv").read_bytes()
    assert (target / "SN1.extra").exists() and list(target.glob("SN0*.json"))


def test_a_purge_shows_its_plan_and_needs_the_number(root: Path, served: Pages) -> None:
    """What is held, unfinished or not accepted by the server stays, whatever was ticked (invariant 7)."""
    gone, held = fail(root, "gone.csv"), fail(root, "held.csv")
    with Client(root) as client:
        client.retention.hold([held], "a recall")
    with served.browser() as browser, served.api() as api:
        plan = api.get("/api/v1/bulk/purge/preview").json()
        assert plan["entries"] == 1 and sum(plan["kept"].values()) == 6
        shown = browser.get("/archives/purge").text
        assert "1 entry is held, and will stay" in shown and "Type 1 to purge 1 entry" in shown
        (key,) = KEY.findall(shown)
        for number in ("", "7", "one"):
            answer = browser.post("/archives/purge", data={"key": key, "entries": "7", "number": number})
            assert answer.status_code == 409 and "type 1 to purge" in answer.text
        wrong = api.post("/api/v1/bulk/purge", json={"entries": 7, "number": 7})
        assert (wrong.status_code, wrong.json()["kind"]) == (409, "NeedsConfirmation")
        shown = carried_out(browser, "/archives/purge", number="1")
        assert "1 of 7 entries purged, 6 not" in shown and "stays: it is held" in shown
        assert "None of these entries can be purged" in browser.get("/archives/purge").text
    with Client(root) as client:
        assert [entry.archive_id for entry in client.entries() if entry.purged_at] == [gone]
        assert client.retention.history()[0].actor != "service"


def test_as_many_other_entries_are_not_those_that_were_shown(root: Path, served: Pages) -> None:
    """An entry that was kept when the purge was confirmed stays, and one that was not shown keeps its hold."""
    shown, kept = fail(root, "shown.csv"), fail(root, "kept.csv")
    with Client(root) as client, served.browser() as browser, served.api() as api:
        client.retention.hold([kept], "a recall")
        forms = {each: fields_of(browser.get(f"/archives/{each}?converter=F").text) for each in ("purge", "restore")}
        plan = api.get("/api/v1/bulk/purge/preview", params={"converter": "F"}).json()
        client.retention.release([kept])
        client.retention.hold([shown], "another recall")
        order = {"entries": 2, "number": 1, "checksum": plan["checksum"]}
        wrong = api.post("/api/v1/bulk/purge", params={"converter": "F"}, json=order)
        assert (wrong.status_code, wrong.json()["kind"]) == (409, "NeedsConfirmation")
        answer = browser.post("/archives/purge?converter=F", data={**forms["purge"], "number": "1"})
        assert answer.status_code == 409 and "other entries match now" in answer.text
        other = browser.post(f"/archives/restore?ids={shown},{ids_of(root)[0]}", data=forms["restore"])
        assert other.status_code == 409 and "other entries match now" in other.text
        assert [entry.archive_id for entry in client.entries() if entry.purged_at] == []


def test_the_json_twin(root: Path, served: Pages) -> None:
    """A program sees the same counts, is refused the same, and reads the same outcome."""
    first, second, *_ = ids_of(root)
    view = {"ids": f"{first},{second}"}
    with served.api() as api:
        assert api.get("/api/v1/bulk/preview", params=view).json()["entries"] == 2
        refused = api.post("/api/v1/bulk/hold", params=view, json={"entries": 3, "reason": "r"})
        assert (refused.status_code, refused.json()["kind"]) == (409, "NeedsConfirmation")
        job = api.post("/api/v1/bulk/hold", params=view, json={"entries": 2, "reason": "r"}).json()
        assert ended_job(api, job["key"])["done"] == 2
        assert api.get("/api/v1/bulk/jobs/none").status_code == 404
    with Client(root) as client:
        assert {hold.archive_id for hold in client.retention.holds()} == {first, second}


def ended_job(api: httpx.Client, key: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job: dict[str, Any] = api.get(f"/api/v1/bulk/jobs/{key}").json()
        if job["ended_at"]:
            return job
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.05)


def test_the_zip_of_a_view(root: Path, served: Pages) -> None:
    """The page says how much it is; the download is a zip of exactly these entries, and is not compressed twice."""
    first, second, *_ = ids_of(root)
    with served.browser() as browser:
        shown = browser.get(f"/archives/export?ids={first},{second}").text
        (link,) = re.findall(r'href="(/api/v1/export[^"]*)"', shown)
        answer = browser.get(unescape(link))
        assert answer.headers["content-encoding"] == "identity" and answer.headers["content-type"] == "application/zip"
        packed = zipfile.ZipFile(io.BytesIO(answer.content))
        assert {name.partition("/")[0] for name in packed.namelist()} == {first, second, "manifest.json", "SHA256SUMS"}
        assert packed.testzip() is None
