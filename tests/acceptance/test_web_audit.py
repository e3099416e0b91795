"""The page of the audit trail over a real archive: filters, order, pages, downloads, and who may see it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser
from tests.acceptance.test_web_browser import CHROMIUM, _open, chromium, follow  # noqa: F401 (a fixture)
from tests.filled import fill
from tests.patience import PATIENCE_S
from tests.web_server import Pages, pages

from pywats_archive import AuditCategory, Client, EntryFilter, Event, EventFilter
from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.models.time import utc_now
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users

PASSWORD = "a long enough password"
PAGE = "/integrity/audit"
REASON = "claim <b>4711</b>" + ", unit by unit" * 10
"""Long enough to take all width of a table."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with sixty holds and releases of one entry by ann, and users of each role."""
    base = tmp_path_factory.mktemp("audited")
    fill(base)
    for role in Role:
        Users(base / "archive").add(role.value, PASSWORD, role)
    with Client(base / "archive", actor="os:ann") as client:
        entry = client.resolve("SN0")
        for _ in range(30):
            client.retention.hold([entry], REASON)
            client.retention.release([entry])
        client.open_report(entry, 1).close()
    return base / "archive"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


def shown(text: str) -> list[str]:
    """Return what was done, row by row."""
    return [unescape(each) for each in re.findall(r'data-label="What"><span[^>]*>([^<]*)', text)]


def test_the_trail_is_shown_newest_first_and_in_pages(served: Pages, root: Path) -> None:
    """Each event is on one page, in the reverse order of the history, in words, with a link to its entry."""
    with served.browser() as browser:
        place, found = f"{PAGE}?who=ann", list[str]()
        while place:
            answer = browser.get(place)
            assert answer.status_code == 200
            found += shown(answer.text)
            older = re.search(r'href="([^"]*)" rel="next"', answer.text)
            place = unescape(older[1]) if older else ""
            assert ("Newest</a>" in answer.text) is (len(found) > 50)
        first = browser.get(f"{PAGE}?who=ann").text
    assert found[:3] == ["read a report", "released the entry", "held the entry"] and len(found) == 61
    with Client(root) as client:
        entry = client.resolve("SN0")
        assert len(list(client.audit(EventFilter(actor="ann")))) == 61
    assert f'href="/entries/{entry}?tab=history"' in first and ">SN0<" in first
    assert "<b>4711" not in first and "claim &lt;b&gt;4711&lt;/b&gt;" in first


def test_the_filters_of_the_verb_are_in_the_address(served: Pages, root: Path) -> None:
    """Who, what, kind, entry, days and text; what no filter can be is said above the form, which keeps it."""
    with Client(root) as client:
        entry, today = client.resolve("SN0"), utc_now().astimezone().date()
    yesterday = today - timedelta(days=1)
    cases = {
        "category=access": {"read a report"},
        "category=hold&q=CLAIM": {"held the entry", "released the entry"},
        "kind=hold.released&who=os:ann": {"released the entry"},
        "entry=SN0&category=access": {"read a report"},
        f"entry={entry}&category=access&from={today}&to={today}": {"read a report"},
        f"category=access&to={yesterday}": set(),
        "who=nobody": set(),
        "kind=conversion&entry=SN1": {"conversion recorded"},
    }
    with served.browser() as browser:
        for query, expected in cases.items():
            answer = browser.get(f"{PAGE}?{query}")
            assert answer.status_code == 200 and set(shown(answer.text)) == expected, query
            assert ("Nothing matches" in answer.text) is (not expected)
        for query in ("entry=none-such", "category=odd", "from=odd", f"from={today}&to={yesterday}", "before=1,2"):
            answer = browser.get(f"{PAGE}?{query}&who=ann")
            assert answer.status_code == 422 and 'role="alert"' in answer.text and 'value="ann"' in answer.text, query
        assert browser.get(f"{PAGE}?odd=1").status_code == 422


def test_the_downloads_have_all_that_the_page_selects(served: Pages) -> None:
    """CSV and JSON have every event, not a page of them."""
    with served.browser() as browser:
        text = browser.get(f"{PAGE}?who=ann&category=hold&from=2026-01-01&q=4711").text
        places = [unescape(each) for each in re.findall(r'href="(/api/v1/audit[^"]*)" download', text)]
        assert [each.partition("?")[0] for each in places] == ["/api/v1/audit.csv", "/api/v1/audit"]
        table = browser.get(places[0])
        rows = list(csv.DictReader(io.StringIO(table.text)))
        lines = [json.loads(line) for line in browser.get(places[1]).text.splitlines()]
    assert len(rows) == len(lines) == 60 and {each["reason"] for each in rows} == {REASON}
    assert [each["hash"] for each in lines] == [each["hash"] for each in rows]


def test_only_an_admin_sees_it(served: Pages, root: Path) -> None:
    """Others are refused, which is on record, and no page leads them there."""
    for role in Role:
        with httpx.Client(
            base_url=served.address, timeout=PATIENCE_S, headers={"sec-fetch-site": "same-origin"}
        ) as browser:
            browser.post("/sign-in", data={"name": role.value, "password": PASSWORD})
            is_admin = role is Role.ADMIN
            assert browser.get(PAGE).status_code == (200 if is_admin else 403)
            with Client(root) as client:
                entry = client.resolve("SN0")
            for place in ("/integrity", f"/entries/{entry}?tab=history"):
                assert (PAGE in browser.get(place).text) is is_admin
    with served.browser() as browser:
        assert f'href="{PAGE}?who=viewer"' in browser.get("/users/viewer").text
    with Client(root) as client:
        refused = list(client.audit(EventFilter(kinds=("user.not_allowed",), text=PAGE)))
    assert [each.actor for each in refused] == ["web:viewer", "web:operator"]


def test_pages_of_two_archives_whose_clocks_jumped(tmp_path: Path) -> None:
    """Pages of any size show each event once; those of one archive stay in the order of its history."""
    roots = [tmp_path / name for name in ("a", "b")]
    for root, hours in zip(roots, ((1, 9, 2, 3, 8), (4, 5, 1, 7)), strict=True):
        with Archive.open(root, create=True, own=True) as archive:
            for hour in hours:
                history.append(archive, Event(kind="hold.added", at=utc_now().replace(hour=hour, minute=0)))
    wanted = EventFilter(categories=(AuditCategory.HOLD,))
    with Client(roots) as client:
        for limit in range(1, 10):
            found, before = list[tuple[Path, int]](), None
            while True:
                part = client.audit_page(wanted, limit=limit, before=before)
                found += [(each.archive, each.at.hour) for each in part.events]
                if (before := part.older) is None:
                    break
            assert [hour for root, hour in found if root == roots[0]] == [8, 3, 2, 9, 1], limit
            assert [hour for root, hour in found if root == roots[1]] == [7, 1, 5, 4], limit
        assert [each.at.hour for each in client.audit_page(wanted, limit=2).events] == [8, 7]


def test_imports_are_shown_with_the_bag_that_they_come_from(root: Path, tmp_path: Path) -> None:
    """In the audit trail under a category of their own, and on the page of each entry; what was archived here is neither."""
    (tmp_path / "Done").mkdir()
    (tmp_path / "Done" / "old.log").write_text("old")
    with Client(root) as client:
        client.export_bag(tmp_path / "bag of 4711", EntryFilter(serial_number="SN0"))
        uuid = json.loads((root / "archive.json").read_text())["archive_uuid"]
        native = client.resolve("SN0")
    Archive.open(tmp_path / "other", create=True, own=True).close()
    with Client(tmp_path / "other", actor="os:bob") as client:
        assert client.import_bag(tmp_path / "bag of 4711").imported == 1
        assert client.import_done(tmp_path / "Done", "C").imported == 1
        found = list(client.audit(EventFilter(categories=(AuditCategory.IMPORT,))))
        assert {each.archive_id for each in found} == {client.resolve("SN0"), client.resolve("old.log")}
        entries = [client.resolve(each) for each in ("SN0", "old.log")]
    with pages(tmp_path / "other") as running, running.browser() as browser:
        table = browser.get(f"{PAGE}?category=import").text
        assert shown(table) == ["imported the entry"] * 2 and "bag of 4711" in table
        bag, done = (browser.get(f"/entries/{each}").text for each in entries)
        about = browser.get(f"/entries/{entries[0]}?tab=about").text
    assert f"from the bag bag of 4711 of archive {uuid}" in bag and ">os:bob<" in bag and "imported/" in about
    assert "from a Done folder" in done and ">os:bob<" in done
    with pages(root) as running, running.browser() as browser:
        assert "<dt>Imported</dt>" not in browser.get(f"/entries/{native}").text


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_trail_without_scripts(chromium: Browser, served: Pages, width: int) -> None:  # noqa: F811
    """From Integrity to the events of one person, and to older ones, by links and one button."""
    page, complaints = _open(chromium, served, width=width, scripts=False)
    page.goto(f"{served.address}/integrity")
    follow(page.get_by_role("link", name="Audit trail"))
    page.fill("#who", "ann")
    page.select_option("#category", "hold")
    follow(page.locator("form.filter button"))
    assert page.locator("table.audit tbody tr").count() == 50
    box = page.locator("td[data-label='Who']").first.bounding_box()
    assert box and box["width"] > 100, "a name is broken into pieces"
    follow(page.get_by_role("link", name="Older"))
    assert page.locator("table.audit tbody tr").count() == 10 and page.input_value("#who") == "ann"
    follow(page.get_by_role("link", name="Remove what: holds"))
    assert page.locator("table.audit tbody tr").first.inner_text().count("read a report") == 1
    assert complaints == []
