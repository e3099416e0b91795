"""From the search to the failed step, and from ticked rows to what was done, in Debian's Chromium."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.acceptance.test_web_runs_browser import Clicks, reach
from tests.web_server import Pages, pages

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.client import Client
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
UNITS, FAILED_STEP = 12, 55
WIDTHS = [(1280, True), (390, True), (390, False)]


def _report(number: int) -> bytes:
    """A report of 60 steps, of which unit 7 fails one near the end."""

    def step(at: int) -> dict[str, Any]:
        is_bad = number == 7 and at == FAILED_STEP
        measure = {
            "value": 12.75 if is_bad else 10.0,
            "unit": "V",
            "compOp": "GELE",
            "lowLimit": 9.0,
            "highLimit": 11.0,
        }
        status = "F" if is_bad else "P"
        measured = [{**measure, "status": status}]
        return {"name": f"Voltage {at}", "status": status, "stepType": "ET_NLT", "numericMeas": measured}

    steps = [step(at) for at in range(60)]
    result = "F" if number == 7 else "P"
    root = {"name": "Main", "status": result, "stepType": "SequenceCall", "steps": steps}
    return json.dumps({"type": "T", "sn": f"SN{number:04}", "pn": "P", "result": result, "root": root}).encode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive of some units."""
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        for number in range(UNITS):
            path = tmp_path / f"unit-{number}.log"
            path.write_bytes(b"unit %d" % number)
            entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="C"))
            conversion = Conversion(
                archive_id=entry.archive_id,
                attempt=0,
                started_at=archive.now(),
                duration_ms=1,
                status=ConversionStatus.SUCCESS,
                converter_name="C",
                converter_class="m.C",
            )
            new = conversions.NewConversion(conversion=conversion, documents=[_report(number)])
            conversions.record_conversion(archive, new)
    return tmp_path / "archive"


@pytest.fixture
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


def _expect_failed_step(page: Page) -> None:
    row = page.locator("tr.failed", has_text=f"Voltage {FAILED_STEP}")
    expect(row).to_be_in_viewport()
    for label, value in (("Measured", "12.75"), ("Low limit", "9"), ("High limit", "11")):
        cell = row.locator(f'[data-label="{label}"]')
        expect(cell).to_have_text(value)
        expect(cell).to_be_in_viewport()


@pytest.mark.parametrize(("width", "scripts"), WIDTHS)
def test_from_the_search_to_the_measured_value(
    chromium: Browser,  # noqa: F811
    served: Pages,
    width: int,
    scripts: bool,
) -> None:
    """Two clicks: the unit that the search found, and its failed step, whose value and limits are on the screen then."""
    page, complaints = _open(chromium, served, width=width, scripts=scripts)
    clicks = Clicks()
    page.goto(f"{served.address}/archives")
    page.fill("#q", "SN0007")
    page.press("#q", "Enter")
    page.wait_for_url("**q=SN0007**")
    clicks.on(page.locator("table.entries tbody a"))
    clicks.on(page.get_by_role("link", name="1 failed"))
    _expect_failed_step(page)
    assert clicks.number == 2 and complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_search_to_the_measured_value_by_keyboard(chromium: Browser, served: Pages, width: int) -> None:  # noqa: F811
    """The same way with Tab and Enter alone."""
    page, complaints = _open(chromium, served, width=width)
    page.goto(f"{served.address}/archives")
    while page.evaluate("document.activeElement.id") != "q":
        page.keyboard.press("Tab")
    page.keyboard.type("SN0007")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=SN0007**")
    while not page.evaluate("document.activeElement.matches('table.entries tbody a')"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/entries/*")
    reach(page, "1 failed")
    page.keyboard.press("Enter")
    _expect_failed_step(page)
    assert complaints == []


@pytest.mark.parametrize(("width", "scripts"), WIDTHS)
def test_holding_ticked_rows(
    chromium: Browser,  # noqa: F811
    root: Path,
    served: Pages,
    width: int,
    scripts: bool,
) -> None:
    """Tick, choose, read what will happen, confirm: each entry has its outcome, with scripts or without."""
    page, complaints = _open(chromium, served, width=width, scripts=scripts)
    page.goto(f"{served.address}/archives")
    for number in (3, 5):
        page.get_by_label(f"Choose SN{number:04}").check()
    if scripts:
        expect(page.locator("[data-ticked]")).to_have_text("With the 2 ticked:")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    follow(page.get_by_role("button", name="Hold"))
    expect(page.get_by_role("heading", name="Hold 2 entries")).to_be_visible()
    page.get_by_label("Why they must stay").fill("a recall")
    follow(page.get_by_role("button", name="Hold 2 entries"))
    while not scripts and page.get_by_role("link", name="Reload").count():
        follow(page.get_by_role("link", name="Reload"))
    expect(page.get_by_role("status")).to_have_text("2 of 2 entries held.")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("SN0003")
    assert complaints == []
    with Client(root) as client:
        held = {client.details(hold.archive_id).entry.serial_number for hold in client.retention.holds()}
    assert held == {"SN0003", "SN0005"}


def test_all_that_match_as_a_zip(chromium: Browser, served: Pages, tmp_path: Path) -> None:  # noqa: F811
    """The view is sent, not its rows; the browser saves the zip."""
    page, complaints = _open(chromium, served)
    page.goto(f"{served.address}/archives?result=failed")
    page.get_by_label("all that match").check()
    follow(page.get_by_role("button", name="Export"))
    expect(page.get_by_role("heading", name="Export 1 entry")).to_be_visible()
    assert "ids=" not in page.url
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 entry").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as packed:
        assert packed.testzip() is None and sum(name.endswith("unit-7.log") for name in packed.namelist()) == 1
    assert complaints == []


def test_all_rows_of_a_page_are_ticked_at_once(chromium: Browser, served: Pages) -> None:  # noqa: F811
    """One box in the head ticks them all, and shows when only some are; the keyboard reaches it."""
    page, complaints = _open(chromium, served)
    page.goto(f"{served.address}/archives")
    head = page.get_by_label("Choose all rows of this page")
    head.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-ticked]")).to_have_text(f"With the {UNITS} ticked:")
    page.get_by_label("Choose SN0003").uncheck()
    assert head.evaluate("box => box.indeterminate") and complaints == []
