"""The wizard in Debian's Chromium: with the keyboard alone, on a phone, and without scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium  # noqa: F401 (a fixture)
from tests.station import Station
from tests.web_server import Pages, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
MOST_TABS = 60


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose second converter has no archive, and some files of today."""
    with Station(tmp_path) as made:
        made.add("first")
        done = made.add("second", archive_enabled=False).parent / "Done"
        done.mkdir()
        for number in range(20):
            (done / f"{number}.csv").write_bytes(b"1;2;3\n" * 500)
        made.write_config()
        yield made


@pytest.fixture
def served(station: Station) -> Iterator[Pages]:
    """Its pages."""
    config = str(station.root / "config.json")
    with serving("web", "--port", "0", "--config", config) as running:
        yield running


def tab_to(page: Page, words: str) -> None:
    """Press Tab until a link, a button or the field with this id has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and words in (focused.get_attribute("id"), " ".join(focused.inner_text().split())):
            return
    raise AssertionError(f"no Tab leads to {words}")


def press(page: Page, words: str) -> None:
    """Go to a link or a button with Tab, and press Enter."""
    tab_to(page, words)
    enter(page)


def enter(page: Page) -> None:
    """Press Enter, and wait for the next page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (390, True), (390, False)])
def test_the_four_forms_with_the_keyboard_alone(
    chromium: Browser,  # noqa: F811
    station: Station,
    served: Pages,
    width: int,
    scripts: bool,
) -> None:
    """A wrong answer is marked by the browser or beside its field; back and on again, no answer is lost."""
    page, complaints = _open(chromium, served, width=width, scripts=scripts)
    page.goto(f"{served.address}/settings")
    press(page, "Set up the archive of second")
    expect(page.locator(".note")).to_contain_text("Survives a crash")
    tab_to(page, "archive_folder")
    page.keyboard.press("Control+a")
    page.keyboard.type("second/watch/inside")
    enter(page)
    expect(page.locator("#archive_folder-fault")).to_contain_text("keep them apart")
    expect(page.locator("#archive_folder")).to_have_value("second/watch/inside")
    tab_to(page, "archive_folder")
    page.keyboard.press("Control+a")
    page.keyboard.type("a folder")
    press(page, "Next")
    tab_to(page, "on_archive_error-hold")
    page.keyboard.press("ArrowDown")
    press(page, "Next")
    expect(page.locator(".note")).to_contain_text("20 files, 60 kB, in the last 7 days")
    tab_to(page, "retention_days")
    page.keyboard.press("Control+a")
    page.keyboard.type("0")
    page.keyboard.press("Enter")
    expect(page.locator("#retention_days:invalid")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("30")
    enter(page)
    expect(page.locator(".note")).to_contain_text("30 days take about")
    press(page, "Back")
    expect(page.locator("#on_archive_error-continue")).to_be_checked()
    press(page, "Next")
    expect(page.locator("#retention_days")).to_have_value("30")
    press(page, "Next")
    expect(page.locator("tr.after", has_text="on_archive_error")).to_contain_text("continue")
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    press(page, "Save")
    expect(page.locator(".note.good")).to_contain_text("The settings of second were saved")
    document = json.loads((station.root / "config.json").read_text(encoding="utf-8"))
    written = document["converters"][1]
    keys = ("archive_enabled", "archive_folder", "on_archive_error", "retention_days")
    assert [written[key] for key in keys] == [True, "a folder", "continue", 30]
    assert complaints == []
