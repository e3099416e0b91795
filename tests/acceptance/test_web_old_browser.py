"""Archives, Entry, Overview and a replay in Chromium 92, a browser of 2021, beside today's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright
from tests.acceptance.test_web_browser import CHROMIUM, _open
from tests.hostile import fill
from tests.replayed import fixed, pages_of, sent
from tests.station import wait_for
from tests.web_server import Pages, pages

OLD = Path(__file__).parents[2] / ".venv/old-browser/chromium"
NEAR_PX = 24
"""By how much a box may differ: the two browsers draw fields differently."""
LOOK = """() => [...document.querySelectorAll("body, body *")].flatMap((each) => {
  const box = each.getBoundingClientRect(), style = getComputedStyle(each);
  if (each.closest("svg svg, select, details:not([open]) > :not(summary)") || !box.width) return [];
  const border = parseFloat(style.borderTopWidth) ? style.borderTopColor : "";
  const place = each.closest("form") ? [] : [box.x, box.width];
  const display = each.matches("input") ? "" : style.display;
  const look = [style.color, style.backgroundColor, border, display, style.position, style.fontSize, style.fontWeight];
  return [[`${each.tagName}.${each.className}`, look.join(" "), place]];
})"""
FOCUS = """(name) => {
  const found = [...document.querySelectorAll("a, button, summary")].find((each) => each.textContent.trim() === name);
  if (found) found.focus();
  return !!found;
}"""
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not OLD.exists(), reason="needs Chromium 92: make old-browser"),
]


@pytest.fixture(scope="module")
def browsers() -> Iterator[tuple[Browser, Browser]]:
    """The old browser and today's."""
    with sync_playwright() as playwright:
        both = [playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]) for path in (OLD, CHROMIUM)]
        assert both[0].version.startswith("92.")
        yield both[0], both[1]
        for each in both:
            each.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_look_the_same(browsers: tuple[Browser, Browser], tmp_path: Path, width: int, scheme: str) -> None:
    """Each visible element has the same colours, font and place; nothing is complained about."""
    made = fill(tmp_path)
    places = [
        "/",
        "/archives",
        *(f"/entries/{made[key]}" for key in ("plain", "repair", "failed")),
        "/integrity",
        "/integrity/audit?kind=conversion",  # without the visits of the browsers themselves
        "/runs",
    ]
    with pages(tmp_path / "archive") as running:
        for place in places:
            old, new = (_look(browser, running, place, width, scheme) for browser in browsers)
            assert [each[:2] for each in old] == [each[:2] for each in new], place
            for (name, _, before), (_, _, now) in zip(old, new, strict=True):
                assert all(abs(a - b) <= NEAR_PX for a, b in zip(before, now, strict=True)), (place, name, before, now)


def _look(browser: Browser, running: Pages, place: str, width: int, scheme: str) -> list[Any]:
    page, complaints = _open(browser, running, width=width)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(running.address + place)
    found: list[Any] = page.evaluate(LOOK)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, place
    assert complaints == []
    page.context.close()
    return found


def test_a_replay_from_the_list_to_the_sent_correction(browsers: tuple[Browser, Browser], tmp_path: Path) -> None:
    """A filter applies at once, sorting and progress work, and a correction is sent, by the keyboard of the old browser."""
    with fixed(tmp_path) as station, pages_of(station) as running:
        page, complaints = _open(browsers[0], running)
        page.goto(f"{running.address}/archives")
        page.evaluate("document.getElementById('status').focus()")
        with page.expect_navigation():
            page.keyboard.type("failed")
        assert page.url.endswith("/archives?status=failed")
        press(page, "Size")
        assert page.evaluate("document.querySelectorAll('table.entries tbody tr').length") == 4
        press(page, "Reprocess these")
        press(page, "Compare")
        wait_for(lambda: _is_done(page))
        press(page, "Send 4 reports…")
        page.evaluate("document.getElementById('reports').focus()")
        page.keyboard.type("4")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        wait_for(lambda: _is_done(page))
        assert page.inner_text("h1").startswith("Run 2: sending") and complaints == []
        assert {sn: high for sn, high in sent(station).items() if sn < "SN4"} == dict.fromkeys(
            ["SN0", "SN1", "SN2", "SN3"], 5.0
        )


def press(page: Page, name: str) -> None:
    """Press Enter on the link or button with this text."""
    assert page.evaluate(FOCUS, name), name
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _is_done(page: Page) -> bool:
    try:
        return bool(page.evaluate("(document.querySelector('h1 .badge') || {}).textContent === 'Done'"))
    except Error:  # the page loads itself again
        return False
