"""The Integrity page and its JSON twin over a real archive, with one damaged file."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.filled import fill
from tests.web_server import PATIENCE_MS, Pages, pages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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
def test_the_stations_pages_in_a_browser(served: Pages, width: int, scripts: bool) -> None:
    """Overview, retention and integrity fit the screen without a complaint; a check ends by itself, or by a refresh."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
        context.set_default_timeout(PATIENCE_MS)
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(served.sign_in)
        for place in ("/", "/retention", "/retention/policy?converter=C&retention_days=5", "/integrity"):
            page.goto(served.address + place)
            assert page.locator("h1").count() == 1
            assert page.evaluate("document.documentElement.scrollWidth") <= width if scripts else True
        page.get_by_label("Every file").check()
        with page.expect_navigation():
            page.get_by_role("button", name="Start").click()
        while not scripts and page.get_by_role("button", name="Stop").count():
            with page.expect_navigation():
                page.get_by_role("link", name="Refresh").click()
        result = page.locator("p.note", has_text="Every file from end to end")
        expect(result).to_contain_text("1 problem found", timeout=PATIENCE_MS)
        browser.close()
        assert complaints == []
