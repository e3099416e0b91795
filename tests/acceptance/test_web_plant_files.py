"""The files of a plant's entries in its pages: read from the vault, and checked."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright
from tests import hostile
from tests.acceptance.test_web_browser import CHROMIUM
from tests.encrypted import encrypted, without_key
from tests.patience import PATIENCE_S
from tests.plant_pages import FAILED_UNIT, PASSED, SmallPlant, plant_pages, small_plant
from tests.web_server import PATIENCE_MS, Pages

from pywats_archive import Client
from pywats_archive.archive.core import Archive
from pywats_archive.client.plant.index import Plant
from pywats_archive.models.plant.entry import PlantEntry, PlantFilter
from pywats_archive.plant import restoring
from pywats_archive.replication.shipping import Shipping

FORBIDDEN = ("<img src=x", "<script>alert", "<b>", "13370021", "\0", "\x1b", "\u202e", "x" * 5000)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlant]:
    """A plant of one ordinary station, and of one whose files and reports are hostile."""
    root = tmp_path_factory.mktemp("plant")
    with small_plant(root) as plant:
        plant.station("fct-1", PASSED, FAILED_UNIT, companion=True)
        hostile.fill(root)
        with Archive.open(root / "archive") as archive:
            for _ in Shipping(archive, plant.vault, limit_bytes=100_000, station="odd").ship_all():
                pass
        plant.update()
        yield plant


@pytest.fixture(scope="module")
def served(made: SmallPlant) -> Iterator[Pages]:
    """Its pages."""
    with plant_pages(Plant(made.index), made.root) as running:
        yield running


def entries(made: SmallPlant, station: str) -> list[PlantEntry]:
    return Plant(made.index).entries(PlantFilter(station=station))


def address(entry: PlantEntry) -> str:
    return f"/entries/{entry.archive_uuid}/{entry.archive_id}"


def test_files_are_those_of_the_station(served: Pages, made: SmallPlant) -> None:
    """Source, companion and reports are the same bytes, also in ranges; nobody's access is forgotten."""
    with Client(made.stations[0].archive.root) as client, served.browser() as browser:
        for entry in entries(made, "fct-1"):
            here = address(entry)
            source = browser.get(f"{here}/files/source")
            with client.open_source(entry.archive_id) as content:
                assert source.content == content.read() and len(source.content) == 100
            assert source.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in source.headers["content-security-policy"]
            part = browser.get(f"{here}/files/source", headers={"Range": "bytes=90-"})
            assert (part.status_code, part.content) == (206, source.content[90:])
            page = browser.get(f"{here}?tab=source").text
            (companion,) = re.findall(r'href="([^"]*companion=[^"]*)"', page)
            assert browser.get(unescape(companion)).status_code == 200
            name = client.details(entry.archive_id).entry.companions[0].name
            with client.open_companion(entry.archive_id, name) as content:
                assert browser.get(f"{here}/files/companion?name={name}").content == content.read()
            for number in range(1, entry.report_count + 1):
                with client.open_report(entry.archive_id, number) as content:
                    assert browser.get(f"{here}/files/reports/{number}").content == content.read()
            assert browser.get(f"{here}/files/reports/{entry.report_count + 1}").status_code == 422
    assert {each.report_count for each in entries(made, "fct-1")} == {1, 2}


def test_nothing_foreign_is_raw(served: Pages, made: SmallPlant) -> None:
    """Each source and report of a hostile station is shown as at the station, and only images as images."""
    links: set[str] = set()
    with served.browser() as browser:
        for entry in entries(made, "odd"):
            for tab in (
                "about",
                "source",
                "report",
                "report&report=2",
                "report&failed=yes",
                "source&as=text",
                "source&as=bytes",
            ):
                answer = browser.get(f"{address(entry)}?tab={tab}")
                shown = re.sub(r' value="[^"]*"', "", answer.content.decode("utf-8"))
                assert answer.status_code == 200, (tab, shown[:2000])
                assert [each for each in FORBIDDEN if each in shown] == [], (tab, entry.source_original_path)
                assert '"/api/' not in shown and "<img loading" not in shown
                links |= {unescape(each) for each in re.findall(r'(?:href|src)="(/entries[^"#]*)', answer.text)}
        kinds = set()
        for link in sorted(links):
            answer = browser.get(link)
            assert answer.status_code == 200, (link, answer.text[:2000])
            if "/files/" in link:
                assert answer.headers["x-content-type-options"] == "nosniff"
                kinds.add(answer.headers["content-type"])
        assert kinds == {"application/octet-stream", "application/json", "image/png"}
        assert sum("/attachments/" in link for link in links) > 4 and any("member=" in link for link in links)


def test_a_damaged_segment_and_an_absent_vault_are_said(tmp_path: Path) -> None:
    """The page has what the index knows, and says why it has no more."""
    with small_plant(tmp_path) as plant:
        plant.station("a", PASSED)
        (entry,) = plant.update().entries(PlantFilter())
        assert entry.segment
        segment = Path(plant.vault.url) / entry.segment
        with plant_pages(Plant(plant.index), tmp_path) as running, running.browser() as browser:

            def problem(tab: str) -> str:
                answer = browser.get(f"{address(entry)}?tab={tab}")
                assert answer.status_code == 200 and entry.serial_number and entry.serial_number in answer.text
                (found,) = re.findall(r'<p class="note bad"><bdi>(.*?)</bdi>', answer.text)
                return unescape(found)

            content = segment.read_bytes()
            segment.chmod(0o600)
            segment.write_bytes(content[: len(content) // 2])
            assert segment.name in problem("source") and segment.name in problem("report")
            segment.unlink()
            assert segment.name in problem("source")
            shutil.move(plant.vault.url, tmp_path / "away")
            assert "vault" in problem("source")
            assert browser.get(f"{address(entry)}/files/source").status_code == 503
            assert browser.get("/archives").status_code == 200


def test_an_encrypted_archive_needs_its_key(tmp_path: Path) -> None:
    """The key is beside the configuration; without it, the page says which is missing."""
    encrypted(tmp_path)
    ids = hostile.fill(tmp_path)
    config = tmp_path / "config.json"
    config.write_text("{}")
    with small_plant(tmp_path) as plant:
        with Archive.open(tmp_path / "archive", keys=tmp_path) as archive:
            for _ in Shipping(archive, plant.vault, limit_bytes=100_000, station="odd").ship_all():
                pass
        plant.station("a", PASSED)
        index = plant.update()
        (entry,) = index.entries(PlantFilter(archive_ids=(ids["plain"],)))
        with plant_pages(index, tmp_path, config=config) as running, running.browser() as browser:
            assert browser.get(f"{address(entry)}/files/reports/1").json()["sn"]
            with without_key(tmp_path):
                for tab in ("source", "report"):
                    answer = browser.get(f"{address(entry)}?tab={tab}")
                    assert answer.status_code == 200 and "key" in re.findall(r'note bad"><bdi>(.*?)<', answer.text)[0]
                assert browser.get(f"{address(entry)}/files/source").status_code == 423


def test_a_vault_that_does_not_answer_stops_no_page(
    served: Pages, made: SmallPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wait for it, a third is refused at once; the index is searched meanwhile."""
    (entry, *_) = entries(made, "fct-1")
    waiting, may_end, real = threading.Semaphore(0), threading.Event(), restoring._newest

    def hangs(*asked: Any) -> Any:
        waiting.release()
        may_end.wait(PATIENCE_S)
        return real(*asked)

    monkeypatch.setattr(restoring, "_newest", hangs)
    with served.browser() as first, served.browser() as second, served.browser() as browser:
        slow = [threading.Thread(target=each.get, args=(f"{address(entry)}?tab=source",)) for each in (first, second)]
        for each in slow:
            each.start()
            assert waiting.acquire(timeout=PATIENCE_S)
        for place in (f"{address(entry)}?tab=report", f"{address(entry)}/files/source"):
            assert browser.get(place).status_code == 503
        for place in ("/", "/archives", "/archives?q=none", address(entry)):
            assert browser.get(place).status_code == 200
        may_end.set()
        for each in slow:
            each.join()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (400, False)], ids=["wide", "phone-no-scripts"])
def test_in_a_browser(served: Pages, made: SmallPlant, width: int, scripts: bool) -> None:
    """From a station to an entry to its file, without a complaint of the browser, and nothing wider than the screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE_MS)
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.on(
            "request", lambda request: complaints.append(request.url) if served.address not in request.url else None
        )
        page.goto(served.sign_in)
        page.get_by_role("link", name="fct-1").click()
        expect(page.get_by_role("status")).to_have_text("2 match")
        page.get_by_label("Serial number").fill("SN1")
        page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("status")).to_have_text("2 match")
        assert "station=fct-1" in page.url and "serial=SN1" in page.url
        page.locator("tbody th a").first.click()
        for tab in ("Source", "Report"):
            page.get_by_role("link", name=tab, exact=True).click()
            expect(page.get_by_role("link", name="Download" if tab == "Source" else "JSON")).to_be_visible()
        for place in ("/?days=all", "/archives", page.url):
            page.goto(place if place.startswith("http") else served.address + place)
            wide = (
                page.locator("html").evaluate("it => it.scrollWidth")
                if scripts
                else page.locator("main").bounding_box()
            )
            assert (wide if isinstance(wide, int) else (wide or {"width": 0})["width"]) <= width, place
        assert complaints == []
        browser.close()
