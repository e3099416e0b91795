"""Every page by the keyboard alone: each control is reached in the order of the page, and is seen when it has the focus."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium  # noqa: F401 (a fixture)
from tests.hostile_station import Hostile, hostile_station
from tests.web_places import pages_of_routes

MOST_STOPS = 60
STOPS = """() => {
  window.stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter((each) => each.matches(":enabled, a, summary, [tabindex]") && each.type !== "hidden")
    .filter((each) => each.getClientRects().length && !each.closest("details:not([open]) > :not(summary)"))
    .filter((each) => each.type !== "radio" || each.checked || !document.querySelector(`[name="${each.name}"]:checked`));
  return window.stops.length;
}"""
STOP = """() => {
  const now = document.activeElement, style = getComputedStyle(now), box = now.getBoundingClientRect();
  const is_seen = box.width > 1 && box.right > 0 && box.bottom > 0 && box.top < innerHeight && box.left < innerWidth;
  const is_marked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return [window.stops.indexOf(now), is_seen && is_marked];
}"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """A hostile station with its pages."""
    with hostile_station(tmp_path_factory.mktemp("hostile")) as station:
        yield station


@pytest.mark.timeout(1800)
def test_tab_reaches_every_control(chromium: Browser, made: Hostile) -> None:  # noqa: F811
    """Links, fields, buttons and what folds: in the order of the page, with a visible mark; Escape changes nothing."""
    page, complaints = _open(chromium, made.pages)
    found: list[Any] = []
    for places in pages_of_routes(made).values():
        page.goto(made.pages.address + places[0])
        address, count = page.url, page.evaluate(STOPS)
        reached: dict[int, bool] = {}
        for _ in range(4 * count):  # a date has several stops, and Chromium also stops at a box that scrolls
            page.keyboard.press("Tab")
            number, is_seen = page.evaluate(STOP)
            if number >= 0:
                reached[number] = reached.get(number, False) or is_seen
            if len(reached) == min(count, MOST_STOPS):
                break
        order = list(reached)
        is_in_order = all((after - before) % count == 1 for before, after in pairwise(order))
        if not is_in_order or len(order) < min(count, MOST_STOPS):
            found.append((places[0], "order", order))
        hidden = page.evaluate(
            "(numbers) => numbers.map((each) => window.stops[each].outerHTML.slice(0, 200))",
            [number for number, is_seen in reached.items() if not is_seen],
        )
        found += [(places[0], "not seen", html) for html in hidden]
        page.keyboard.press("Escape")
        assert page.url == address and page.evaluate("window.stops.every((each) => each.isConnected)")
    assert found == [], "\n".join(map(str, found))
    assert complaints == []
