"""From "failed last week" to the sent correction, in Debian's Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.replayed import fixed, gate, pages_of, sent
from tests.station import Station
from tests.web_server import Pages

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
CORRECTED = dict.fromkeys(["SN0", "SN1", "SN2", "SN3"], 5.0)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station whose converter was fixed."""
    with fixed(tmp_path) as made:
        yield made


@pytest.fixture
def served(station: Station) -> Iterator[Pages]:
    """Its pages."""
    with pages_of(station) as running:
        yield running


def corrected(station: Station) -> dict[str, object]:
    """Return what the server has of the units that failed."""
    return {sn: high for sn, high in sent(station).items() if sn < "SN4"}


def done(page: Page, *, scripts: bool) -> None:
    """Wait for the end of the run that is shown; without scripts, by the link that loads the page again."""
    while not scripts and page.get_by_role("link", name="Reload").count():
        follow(page.get_by_role("link", name="Reload"))
    expect(page.locator("h1 .badge")).to_have_text("Done")
    page.wait_for_load_state()


class Clicks:
    """Counts what a person clicks."""

    number = 0

    def on(self, what: Locator) -> None:
        """Click, count it, and wait for where it leads."""
        follow(what)
        self.number += 1


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (390, True), (390, False)])
def test_from_what_failed_to_the_sent_correction(
    chromium: Browser,  # noqa: F811
    station: Station,
    served: Pages,
    width: int,
    scripts: bool,
) -> None:
    """Five clicks: last week, these, compare, send, and send again with the number typed."""
    page, complaints = _open(chromium, served, width=width, scripts=scripts)
    clicks = Clicks()
    page.goto(f"{served.address}/archives?status=failed")
    clicks.on(page.get_by_role("link", name="7 days"))
    clicks.on(page.get_by_role("link", name="Reprocess these"))
    clicks.on(page.get_by_role("button", name="Compare"))
    done(page, scripts=scripts)
    clicks.on(page.get_by_role("link", name="Send 4 reports"))
    page.get_by_label("Type 4 to send 4 reports").fill("4")
    clicks.on(page.get_by_role("button", name="Send 4 reports"))
    done(page, scripts=scripts)
    assert clicks.number == 5
    assert page.locator("h1").inner_text().startswith("Run 2: sending")
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert corrected(station) == CORRECTED and complaints == []
    page.reload()
    page.locator("summary", has_text="Take back").click()
    follow(page.get_by_role("button", name="Take run 2 back"))
    while not scripts and page.get_by_role("link", name="Reload").count():
        follow(page.get_by_role("link", name="Reload"))
    expect(page.locator("h1 .badge")).to_have_text("Taken back")
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_with_the_keyboard_alone(chromium: Browser, station: Station, served: Pages, width: int) -> None:  # noqa: F811
    """Tab and Enter lead from the list to the sent correction, pressed as often as the mouse is clicked."""
    page, complaints = _open(chromium, served, width=width)
    page.goto(f"{served.address}/archives?status=failed")
    for stop in ("7 days", "Reprocess these", "Compare"):
        reach(page, stop)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    done(page, scripts=True)
    reach(page, "Send 4 reports…")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    while page.evaluate("document.activeElement.id") != "reports":
        page.keyboard.press("Tab")
    page.keyboard.type("4")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    done(page, scripts=True)
    assert corrected(station) == CORRECTED and complaints == []


def reach(page: Page, name: str) -> None:
    """Press Tab until a link or button has the focus."""
    for _ in range(100):
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to '{name}' with the keyboard")


def test_the_progress_moves_by_itself(chromium: Browser, station: Station, served: Pages) -> None:  # noqa: F811
    """The page shows the counts of a run that goes on, and its outcomes once it has ended; no stream is left."""
    gate(station).touch()
    page, complaints = _open(chromium, served)
    page.goto(f"{served.address}/runs/new?status=failed")
    follow(page.get_by_role("button", name="Compare"))
    expect(page.locator("h1 .badge")).to_have_text("Replaying")
    expect(page.locator("[data-live]")).to_contain_text("0 of 4")
    gate(station).unlink()
    done(page, scripts=True)
    assert page.locator("[data-live]").count() == 0 and "4 now converted" in page.locator(".legend").inner_text()
    assert complaints == []
