"""The web pages in Chromium: no complaint of the browser, and no finding of axe-core, in both themes and sizes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.hostile import fill
from tests.web_server import Pages, pages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[2] / ".venv/axe/node_modules/axe-core/axe.min.js"
SOURCES = ("json", "xml", "picture", "binary", "folder", "long", "svg", "empty")
TABS = ("report", "source", "conversions", "history", "about")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pages, list[str]]]:
    """The pages of a hostile archive, and the places in them."""
    base = tmp_path_factory.mktemp("hostile")
    made = fill(base)
    places = [f"/entries/{made[key]}?tab={tab}" for key in ("plain", "hostile", "repair", "failed") for tab in TABS]
    places += [f"/entries/{made[key]}?tab=source" for key in SOURCES]
    places += [f"/entries/{made['hostile']}/compare", "/", "/archives", "/archives?serial=none"]
    with pages(base / "archive") as running:
        yield running, places


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_complains_or_is_wider_than_the_screen(
    chromium: Browser, served: tuple[Pages, list[str]], width: int
) -> None:
    """Hostile text neither runs nor breaks the layout; nothing is asked of another host."""
    running, places = served
    page, complaints = chromium.new_page(viewport={"width": width, "height": 900}), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(running.address) else complaints.append(asked.url))
    page.goto(running.sign_in)
    for place in places:
        page.goto(running.address + place)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
    assert complaints == []


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: make axe")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Browser, served: tuple[Pages, list[str]], scheme: str, width: int) -> None:
    """Names, roles, contrast and order are such that everybody can use the pages."""
    running, places = served
    size = {"width": width, "height": 900}
    page = chromium.new_page(viewport=size, color_scheme=scheme, bypass_csp=True)  # type: ignore[arg-type]
    page.goto(running.sign_in)
    for place in places:
        page.goto(running.address + place)
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        findings = page.evaluate("axe.run().then(found => found.violations.map(each => [each.id, each.nodes[0].html]))")
        assert findings == [], place
