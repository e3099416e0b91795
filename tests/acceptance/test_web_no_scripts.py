"""The list without scripts: filter, sort, page, open an entry and come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.filled import fill
from tests.web_server import Pages, pages

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
FILES = 60


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of an archive with more entries than one page shows."""
    base = tmp_path_factory.mktemp("station")
    fill(base, files=FILES)
    with pages(base / "archive") as running:
        yield running


def shown(page: Page) -> list[str]:
    """Return the addresses of the entries in the table."""
    return [str(each.get_attribute("href")) for each in page.locator("table.entries tbody th a").all()]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_without_scripts(chromium: Browser, served: Pages, width: int) -> None:  # noqa: F811
    """Buttons and links do all of it, and the address has every choice, so that Back and a reload keep it."""
    page, complaints = _open(chromium, served, width=width, scripts=False)
    page.goto(f"{served.address}/archives")
    first = shown(page)
    follow(page.get_by_role("link", name="Next page"))
    second = shown(page)
    assert len(first) == 50 and len(second) == FILES + 3 - 50 and not set(first) & set(second)
    follow(page.get_by_role("link", name="First page"))
    assert shown(page) == first
    page.select_option("#status", "success")
    page.fill("#serial", "SN*")
    follow(page.locator("form.filter button"))
    assert page.locator("[role=status]").first.inner_text() == f"{FILES} match"
    if width == 1280:  # a phone shows cards, which have no heads to sort by
        follow(page.locator("thead").get_by_role("link", name="Serial number"))
        ascending = page.locator("table.entries tbody tr td[data-label='Serial number']").all_inner_texts()
        assert ascending == sorted(ascending) or ascending == sorted(ascending, reverse=True)
        assert page.locator("th[aria-sort]").inner_text() == "Serial number"
    kept = page.url
    assert "status=success" in kept and "serial=SN*" in kept.replace("%2A", "*")
    follow(page.locator("table.entries tbody th a").first)
    assert page.locator("h1").inner_text().startswith("SN")
    page.go_back()
    assert page.url == kept and page.input_value("#status") == "success" and page.input_value("#serial") == "SN*"
    follow(page.get_by_role("link", name="Remove serial"))
    assert page.input_value("#serial") == "" and page.input_value("#status") == "success"
    assert complaints == []
