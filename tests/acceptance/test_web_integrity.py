"""The Integrity page and its JSON twin over a real archive, with one damaged file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.filled import fill
from tests.web_server import Pages, pages


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Pages]:
    """The pages of an archive whose first source lost its end."""
    fill(tmp_path)
    damaged = min((tmp_path / "archive" / "sources").rglob("*.csv.gz"))
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pages(tmp_path / "archive") as running:
        yield running


def test_a_check_on_request(served: Pages) -> None:
    """The page starts it, its counts and problems are in page and JSON twin, and it changes no GET."""
    with served.browser() as browser, served.api() as api:
        assert api.get("/api/v1/integrity").json()["check"] is None
        assert "no open finding" in browser.get("/integrity").text
        assert browser.post("/integrity/check", data={"depth": "odd"}).status_code == 422
        assert browser.post("/integrity/check", data={"depth": "full"}).url.path == "/integrity"
        while not (check := api.get("/api/v1/integrity").json()["check"])["ended_at"]:
            time.sleep(0.1)
        assert check["is_complete"] and check["problem_count"] == 1 and check["checked"] == check["total"]
        shown = browser.get("/integrity").text
        assert "1 problem found" in shown and f'href="/entries/{check["problems"][0]["archive_id"]}"' in shown
        assert "File damaged" in shown and "csv.gz" in shown
        assert "no anchor outside the archive" in shown and check["histories"][0]["anchors"] == 0
        assert api.post("/api/v1/integrity/check", json={"depth": "quick"}).status_code == 202
        assert api.post("/api/v1/integrity/stop").status_code == 204


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_stations_pages_in_a_browser(chromium: Browser, served: Pages, width: int, scripts: bool) -> None:  # noqa: F811
    """Overview, retention and integrity fit the screen without a complaint; a check ends by itself, or by a refresh."""
    page, complaints = _open(chromium, served, width=width, scripts=scripts)
    for place in ("/", "/retention", "/retention/policy?converter=C&retention_days=5", "/integrity"):
        page.goto(served.address + place)
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width if scripts else True
    page.get_by_label("Every file").check()
    follow(page.get_by_role("button", name="Start"))
    while not scripts and page.get_by_role("button", name="Stop").count():
        follow(page.get_by_role("link", name="Refresh"))
    expect(page.locator("p.note", has_text="Every file from end to end")).to_contain_text("1 problem found")
    assert complaints == []
