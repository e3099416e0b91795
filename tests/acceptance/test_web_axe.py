"""Every page of a hostile station in Chromium has no console message, fits the screen, and passes axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium  # noqa: F401 (a fixture)
from tests.hostile_station import PASSWORD, Hostile, hostile_station
from tests.web_places import pages_of_routes, refused_forms

AXE = Path(__file__).parents[2] / ".venv/axe/node_modules/axe-core/axe.min.js"
FINDINGS = """options => axe.run({ resultTypes: ["violations"], ...options }).then(
  found => found.violations.map(each => [each.id, each.nodes[0].html.slice(0, 300)])
)"""
WIDTHS = (1280, 390)
"""Pixels of a desk and of a phone."""
SCHEMES: dict[Literal["light", "dark"], dict[str, object]] = {"light": {}, "dark": {"runOnly": ["cat.color"]}}
"""The rules for each theme: another theme is other colors."""
OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true"
SEND = """([place, fields]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: place });
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("input"), { name, value }));
  }
  document.body.append(form);
  form.submit();
}"""
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""The console message of Chromium about each answer that is a refusal."""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """Serve the pages of a hostile station."""
    with hostile_station(tmp_path_factory.mktemp("hostile")) as station:
        yield station


@pytest.mark.timeout(1800)
def test_every_page_is_for_everybody(chromium: Browser, made: Hostile) -> None:  # noqa: F811
    """axe-core finds no fault in any page or refused form, all sections unfolded, on a desk and a phone, in both themes."""
    page, complaints = _open(chromium, made.pages)
    found = list[object]()
    if AXE.exists():
        page.add_init_script(path=AXE)
    for places in pages_of_routes(made).values():
        for place in places:
            page.goto(made.pages.address + place)
            assert urlsplit(page.url).path.endswith("/sign-in") == (place == "/sign-in"), place
            found += check(page, place)
            found += [(place, complaint) for complaint in complaints]
            complaints.clear()
    page.goto(f"{made.pages.address}/archives?serial=none")
    for forms in refused_forms(made).values():
        for place, fields in forms:
            with page.expect_navigation():
                page.evaluate(SEND, [place, fields])
            assert urlsplit(page.url).path == place.partition("?")[0], page.url
            found += check(page, f"{place} {fields}"[:300])
    found += [each for each in complaints if not each.startswith(REFUSED)]
    page.context.clear_cookies()
    page.goto(f"{made.pages.address}/sign-in")
    found += check(page, "/sign-in")
    with page.expect_navigation():
        page.evaluate(SEND, ["/sign-in", {"name": "ann", "password": PASSWORD}])
    page.goto(f"{made.pages.address}/account")
    assert urlsplit(page.url).path == "/account"
    found += check(page, "/account")
    assert found == [], "\n".join(map(str, found))
    if not AXE.exists():
        pytest.skip("the pages were seen, but not examined by axe-core: run make axe")


def check(page: Page, place: str) -> list[object]:
    """Return the faults of the current page, by width: too wide for the screen, or findings of axe-core in either theme."""
    found: list[object] = []
    page.evaluate(OPEN_ALL)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        needed = page.evaluate("document.documentElement.scrollWidth")
        found += [(place, width, f"is {needed} pixels wide")] if needed > width else []
        for scheme, options in SCHEMES.items() if AXE.exists() else ():
            page.emulate_media(color_scheme=scheme)
            found += [(place, width, scheme, finding) for finding in page.evaluate(FINDINGS, options)]
    return found
