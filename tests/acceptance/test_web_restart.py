"""A restart of the pages under an open list, a half-filled form and a running replay, in Debian's Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.replayed import fixed, gate
from tests.station import Station, wait_for
from tests.web_server import Pages, serving

from pywats_archive import Client

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
GONE = ("Failed to load resource: net::ERR_", "Failed to load resource: the server responded with a status of 50")
"""What Chromium says while there is no server."""


@contextmanager
def pages_at(station: Station, port: int) -> Iterator[Pages]:
    """Serve the pages of a station at a port."""
    words = ["web", "--port", str(port), "--config", str(station.write_config())]
    with serving(*words) as running:
        yield running


def test_a_restart_loses_nothing(chromium: Browser, tmp_path: Path) -> None:  # noqa: F811
    """Ticks, typed text and sign-in stay, the forms are sent as if nothing had been, and the progress goes on by itself."""
    with fixed(tmp_path) as station:
        with pages_at(station, 0) as first:
            entries, complaints = _open(chromium, first)
            entries.goto(f"{first.address}/archives?status=failed")
            entries.fill("#part", "P*")
            entries.locator("tbody input[name=id]").nth(1).check()
            form = entries.context.new_page()
            form.goto(f"{first.address}/retention/policy?converter=ict")
            form.fill("#retention_days", "123")
            gate(station).touch()
            run = entries.context.new_page()
            run.goto(f"{first.address}/runs/new?status=failed")
            follow(run.get_by_role("button", name="Compare"))
            expect(run.locator("h1 .badge")).to_have_text("Replaying")
            with Client(station.archive_root) as client:
                wait_for(client.is_replaying)
        with pages_at(station, int(first.address.rpartition(":")[2])) as second:
            assert second.address == first.address
            assert entries.input_value("#part") == "P*"
            assert entries.locator("tbody input[name=id]").nth(1).is_checked()
            follow(entries.get_by_role("button", name="Hold"))
            expect(entries.locator("h1")).to_have_text("Hold 1 entry")
            follow(form.get_by_role("button", name="Show what goes"))
            follow(form.get_by_role("button", name="Save"))
            expect(form.locator("main")).to_contain_text("123 days")
            expect(run.locator("[data-live]")).to_contain_text("0 of 4")
            gate(station).unlink()
            expect(run.locator("h1 .badge")).to_have_text("Done")
            expect(run.locator(".legend")).to_contain_text("4 now converted")
    assert [each for each in complaints if not each.startswith(GONE)] == []
