"""The Overview and its JSON twin over a real archive and HTTP on loopback."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from tests.filled import fill
from tests.web_server import pages

from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.purging import Batch
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.client import Client
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.purge import PurgeReason


def _fail(root: Path, number: int, error: str) -> None:
    path = root / f"bad{number}.csv"
    path.write_bytes(b"bad %d" % number)
    with Archive.open(root / "archive", own=True) as archive:
        entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C"))
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=archive.now(),
            duration_ms=2500,
            status=ConversionStatus.FAILED,
            converter_name="C",
            converter_class="m.C",
            error=error,
        )
        conversions.record_conversion(archive, conversions.NewConversion(conversion=conversion, documents=[]))


def test_what_failed_is_one_click_away(tmp_path: Path) -> None:
    """The page has each reason once with a link to exactly its entries; library, page and JSON twin agree."""
    fill(tmp_path)
    for number in range(3):
        _fail(tmp_path, number, f"ValueError: <b>column {number} has no unit")
    _fail(tmp_path, 3, "ValueError: <b>column X has no unit of length")
    with pages(tmp_path / "archive") as served, served.browser() as browser, served.api() as api:
        shown = browser.get("/").text
        assert shown.count("ValueError: &lt;b&gt;column … has no unit") == 1
        place, _ = re.findall(r'<th [^>]*><a href="(/archives\?reason=[^"]*)"', shown)
        assert browser.get(unescape(place)).text.count('href="/entries/') == 3
        assert (
            "No service works on" in shown
            and "is stopped" not in shown
            and "<title>Limit" not in shown
            and "4 failed" in shown
        )
        reason, other = api.get("/api/v1/failure-reasons").json()
        assert other["entries"] == 1 and other["example"] == "ValueError: <b>column X has no unit of length"
        (times,) = (each for each in api.get("/api/v1/conversion-times").json() if each["converter_name"] == "C")
        with Client(tmp_path / "archive") as client:
            known, _ = client.failure_reasons()
            found = client.find(EntryFilter(failure_reason=known.reason))
            assert {each.conversion_error for each in found.items} == {
                f"ValueError: <b>column {n} has no unit" for n in range(3)
            }
            assert (reason["reason"], reason["entries"]) == (known.reason, known.entries) == (known.reason, 3)
            assert times["longest_ms"] == 2500 == client.conversion_times()[0].longest_ms
            assert client.findings() == ()
            grown, sizes = client.growth(), api.get("/api/v1/growth").json()
            assert [each["size_bytes"] for each in sizes["days"]] == [each.size_bytes for each in grown.days]
            assert grown.days[-1].size_bytes == client.statistics().disk_size_bytes
            assert sizes["forecast"]["size_bytes"] == grown.forecast.size_bytes
            assert api.get("/api/v1/received").json() == client.received() == {"C": 8, "S": 1}
            assert api.get("/api/v1/pulse").json() == {"state": "stopped", "alerts": 0}
        (failed_today,) = re.findall(r'<dt>Failed today</dt><dd><a href="([^"]*)">4</a>', shown)
        assert browser.get(unescape(failed_today)).text.count('href="/entries/') == 4
        with Archive.open(tmp_path / "archive") as archive:
            (gone,) = archive.find(EntryFilter(status=ConversionStatus.FAILED), limit=1).items
            purging.purge(
                archive, Batch(converter_name="all", reason=PurgeReason.MANUAL, archive_ids=[gone.archive_id])
            )
        (failed_today,) = re.findall(r'<dt>Failed today</dt><dd><a href="([^"]*)">3</a>', browser.get("/").text)
        assert browser.get(unescape(failed_today)).text.count('href="/entries/') == 3


def test_an_address_of_no_page_says_so(tmp_path: Path) -> None:
    """Also where the last part of an address is one of some words."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served, served.browser() as browser:
        for place in ("/archives/nothing", "/runs/nothing", "/nowhere"):
            shown = browser.get(place)
            assert (shown.status_code, "there is no such page" in shown.text.lower()) == (404, True)


def test_every_page_says_how_the_service_is(tmp_path: Path) -> None:
    """Whoever signed in sees it, on errors too; a stranger does not."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served, served.browser() as browser:
        for place in ("/", "/archives", "/runs", "/retention", "/integrity", "/nowhere"):
            assert re.search(r'class="pulse".*Stopped</a>', browser.get(place).text), place
        browser.post("/sign-out")
        assert "Stopped" not in browser.get("/").text


def test_figures_without_files_are_words(tmp_path: Path) -> None:
    """An archive whose conversions never failed has no empty charts, but sentences."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served, served.browser() as browser:
        shown = browser.get("/").text
        assert "No conversion failed." in shown and "Files and failures by day, as a table" in shown


def test_an_empty_archive_says_what_to_do(tmp_path: Path) -> None:
    """Nothing came yet: the page shows no chart of nothing, and what to do."""
    Archive.open(tmp_path / "archive", create=True, own=True).close()
    with pages(tmp_path / "archive") as served, served.browser() as browser:
        assert "No file came yet" in browser.get("/").text
