"""The web pages in a real browser: Debian's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright
from tests.filled import fill
from tests.web_server import PATIENCE_MS, Pages, pages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
expect.set_options(timeout=PATIENCE_MS)  # instead of 5 s; in all tests, since all that use a browser import this module


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of an archive with one of everything."""
    base = tmp_path_factory.mktemp("station")
    fill(base)
    with pages(base / "archive") as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def _open(chromium: Browser, served: Pages, *, width: int = 1280, scripts: bool = True) -> tuple[Page, list[str]]:
    """Sign in; return the page and the list of all that the browser complains about or asks of another host."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
    context.set_default_timeout(PATIENCE_MS)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def note(request: Request) -> None:
        if not request.url.startswith(served.address):
            complaints.append(request.url)

    page.on("request", note)
    answer = page.goto(served.sign_in)
    assert answer and answer.ok, answer
    return page, complaints


def follow(what: Locator) -> None:
    """Click, and wait for the page that this leads to: a click itself returns while the former page may still be shown."""
    with what.page.expect_navigation():
        what.click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_search_to_the_report(chromium: Browser, served: Pages, width: int, scripts: bool) -> None:
    """With scripts or without, on a desk or a phone: find a unit, open it, read its report; nothing is complained about."""
    page, complaints = _open(chromium, served, width=width, scripts=scripts)
    page.goto(f"{served.address}/archives")
    page.fill("#serial", "SN1-*")
    page.press("#serial", "Enter")
    page.wait_for_url(lambda url: "serial=SN1-*" in url)
    assert page.locator("table.entries tbody tr").count() == 1
    follow(page.locator("table.entries tbody a").first)
    assert page.locator("h1").inner_text().startswith("SN1-again")
    for tab in ("Source", "Conversions", "History", "About", "Report"):
        follow(page.get_by_role("link", name=tab, exact=True))
        assert page.locator("nav.tabs [aria-current]").inner_text() == tab
        assert page.evaluate("document.documentElement.scrollWidth") <= width if scripts else True
    page.go_back()
    assert complaints == []


def test_the_keyboard_alone(chromium: Browser, served: Pages) -> None:
    """The first stop leads past the frame; a sort by the keyboard is in the address."""
    page, complaints = _open(chromium, served)
    page.goto(f"{served.address}/archives")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.get_by_role("link", name="Size").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=size**")
    assert page.locator("th[aria-sort=descending]").inner_text() == "Size" and complaints == []


def test_choosing_a_value_applies_it(chromium: Browser, served: Pages) -> None:
    """A choice of a filter needs no button, and empty fields stay out of the address."""
    page, complaints = _open(chromium, served)
    page.goto(f"{served.address}/archives")
    page.select_option("#status", "success")
    page.wait_for_url("**status=success")
    assert page.url == f"{served.address}/archives?status=success" and complaints == []
