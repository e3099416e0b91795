"""The web pages and their API over a real archive and HTTP on loopback."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.filled import fill
from tests.patience import PATIENCE_S
from tests.web_server import TRUST, Pages, pages, serving

from pywats_archive.client import Client
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter
from pywats_archive.web import app
from pywats_archive.web.access.guard import HEADERS

OPEN = ["/sign-in", "/static/frame.css"]
ROUTES = sorted(
    (method, re.sub(r"{[^}]*}", "1", route.path))
    for router in app.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path != "/sign-in"
    for method in route.methods or ()
)
"""Method and path of each route that nobody may use who is not signed in."""
PLACES = ["/", "/archives", "/api/v1/entries", "/api/v1/status", "/api/v1/statistics", "/api/v1/openapi.json"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one of everything."""
    base = tmp_path_factory.mktemp("station")
    fill(base)
    return base / "archive"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


@pytest.fixture
def entries(root: Path) -> Iterator[tuple[ArchiveEntry, ...]]:
    """Its entries, newest first."""
    with Client(root) as client:
        yield client.find().items


def test_a_stranger_sees_nothing(served: Pages) -> None:
    """Without a session each page leads to the sign-in, and all else is refused; so with a wrong token."""
    wrong = {"Authorization": "Bearer " + "x" * 43}
    with httpx.Client(base_url=served.address, verify=TRUST, timeout=PATIENCE_S) as stranger:
        for method, place in [*ROUTES, ("GET", "/api/v1/openapi.json")]:
            for headers in ({}, wrong):
                answer = stranger.request(method, place, headers=headers)
                expected = 401 if place.startswith("/api/") else 303
                assert (answer.status_code, "SN0" in answer.text) == (expected, False), (method, place)
                assert not stranger.cookies, (method, place)
    assert httpx.get(f"{served.address}/sign-in?token=wrong", timeout=PATIENCE_S).status_code == 403


def test_no_route_takes_a_form_of_another_site(served: Pages) -> None:
    """Not even of somebody who is signed in."""
    changing = [(method, place) for method, place in ROUTES if method != "GET"]
    assert len(changing) > 10
    with served.browser() as browser:
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}, {"origin": "null"}):
            for method, place in changing:
                assert browser.request(method, place, headers=headers).status_code == 403, (method, place, headers)


def test_sign_in_and_out(served: Pages) -> None:
    """The printed address signs in; the cookie is for the server alone, and worth nothing after the sign-out."""
    with served.browser() as browser:
        (cookie,) = browser.cookies.jar
        assert cookie.has_nonstandard_attr("HttpOnly") and cookie.get_nonstandard_attr("SameSite") == "lax"
        assert browser.get("/archives").status_code == 200
        kept = dict(browser.cookies)
        browser.post("/sign-out")
        assert httpx.get(f"{served.address}/archives", cookies=kept, timeout=PATIENCE_S).status_code == 303


def test_a_stranger_cannot_fill_the_disk(served: Pages) -> None:
    """A large or endless form is refused before its body is read."""
    with httpx.Client(base_url=served.address, timeout=PATIENCE_S) as stranger:
        assert stranger.post("/sign-in", files={"token": b"x" * 1_000_001}).status_code == 413
        assert stranger.post("/sign-in", content=iter([b"token=x"])).status_code == 411


@pytest.mark.parametrize("other", ['prefs={"a":1}', "flag", "a[]=1", "k=v w", 'q="', "{name}=stale"])
def test_cookies_of_other_programs_lock_nobody_out(served: Pages, other: str) -> None:
    """Cookies know no port: those of every program on this computer come along."""
    with served.browser() as browser:
        ((name, secret),) = browser.cookies.items()
    cookies = f"{other.format(name=name) if '{name}' in other else other}; {name}={secret}"
    assert httpx.get(f"{served.address}/archives", headers={"cookie": cookies}, timeout=PATIENCE_S).status_code == 200


def test_foreign_names_and_pages_are_refused(served: Pages) -> None:
    """Another host name, or another site's form, gets nothing, even with a session."""
    with served.browser() as browser:
        assert browser.get("/archives", headers={"host": "evil.example"}).status_code == 421
        answer = browser.post("/sign-out", headers={"origin": "http://evil.example", "sec-fetch-site": "cross-site"})
        assert answer.status_code == 403 and browser.get("/archives").status_code == 200


@pytest.mark.parametrize(
    "place", [*PLACES, *OPEN, "/nowhere", "/entries/none", "/api/v1/entries/none", "/archives?x=1"]
)
def test_the_security_headers_are_on_every_answer(served: Pages, place: str) -> None:
    """Errors and refusals too."""
    with served.browser() as browser:
        stranger = httpx.get(served.address + place, timeout=PATIENCE_S)
        answers = [browser.get(place), stranger, browser.get(place, headers={"host": "x"})]
    for answer in answers:
        assert HEADERS.items() <= dict(answer.headers).items(), place


def test_library_and_api_agree(served: Pages, root: Path, entries: tuple[ArchiveEntry, ...]) -> None:
    """The API gives the library's own types: entries, a page, details, figures."""
    from pydantic import TypeAdapter  # noqa: PLC0415

    from pywats_archive.models.query import Page  # noqa: PLC0415

    with served.api() as api, Client(root) as client:
        found = TypeAdapter(Page[ArchiveEntry]).validate_python(api.get("/api/v1/entries?limit=2").json())
        assert found == client.find(EntryFilter(), limit=2)
        rest = TypeAdapter(Page[ArchiveEntry]).validate_python(
            api.get("/api/v1/entries", params={"after": found.next}).json()
        )
        assert (*found.items, *rest.items) == entries
        details = api.get(f"/api/v1/entries/{entries[0].archive_id}").json()
        assert [event["kind"] for event in details["events"]] == [
            e.kind for e in client.details(entries[0].archive_id).events
        ]
        assert api.get("/api/v1/statistics").json()["total_entries"] == client.statistics().total_entries
        assert (
            api.get("/api/v1/entries?serial=sn0*").json()["total"]
            == client.find(EntryFilter(serial_number="sn0*")).total
        )


def test_a_source_and_its_ranges(served: Pages, entries: tuple[ArchiveEntry, ...]) -> None:
    """A download is bit for bit the source, whole or in part, and each access is recorded with who did it."""
    entry = next(each for each in entries if each.source_original_path.endswith("SN1.csv"))
    place = f"/api/v1/entries/{entry.archive_id}/source"
    with served.api() as api:
        whole = api.get(place)
        assert f"sha256:{hashlib.sha256(whole.content).hexdigest()}" == entry.source_checksum
        assert (
            "SN1.csv" in whole.headers["content-disposition"] and "sandbox" in whole.headers["content-security-policy"]
        )
        part = api.get(place, headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{entry.source_size_bytes}"
        assert api.get(place, headers={"range": "bytes=3990-"}).content == whole.content[3990:]
        assert api.get(place, headers={"range": f"bytes={10**9}-"}).status_code == 416
        events = api.get(f"/api/v1/entries/{entry.archive_id}").json()["events"]
        assert [event["actor"] for event in events].count("service") < len(events)
        report = api.get(f"/api/v1/entries/{entry.archive_id}/reports/2")
        assert json.loads(report.content)["sn"] == entry.serial_number


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/api/v1/entries/none", 404),
        ("/api/v1/entries?status=odd", 422),
        ("/api/v1/entries?limit=0", 422),
        ("/api/v1/entries?after=%00%ff", 422),
        ("/api/v1/nothing", 404),
        ("/api/v1/entries/..%2f..%2fetc%2fpasswd/source", 404),
        ("/api/v1/statistics?converter=none", 404),
    ],
)
def test_a_problem_says_what(served: Pages, place: str, status: int) -> None:
    """Errors are problem documents with a title (RFC 9457); the page of the same place says it in words."""
    with served.api() as api:
        answer = api.get(place)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status and answer.json()["title"]


def test_the_page_of_a_problem_is_written_in_sentences(served: Pages) -> None:
    """What happened begins with a capital letter; a command in the advice keeps its case."""
    with served.browser() as browser:
        text = browser.get("/entries/nothing").text
    assert "No entry is called" in text and "pywats-archive list&#39; shows the entries." in text


def test_the_filter_has_the_words_of_the_list(served: Pages) -> None:
    """What the list calls *Yes* under *Converted* is chosen by the same word."""
    with served.browser() as browser:
        listed = browser.get("/archives?status=success").text
    assert '<option value="success" selected>yes</option>' in listed and "converted: <bdi>yes</bdi>" in listed


def test_every_page_says_where_it_belongs(served: Pages, entries: tuple[ArchiveEntry, ...]) -> None:
    """A page below a section marks the section in the frame, so that nobody loses the way."""
    below = f"/entries/{entries[0].archive_id}"
    places = {"/archives": ("Archives", "page"), below: ("Archives", "true"), "/settings/about": ("Settings", "true")}
    with served.browser() as browser:
        for place, (section, current) in places.items():
            frame = browser.get(place).text.partition("</nav>")[0]
            assert re.findall(r'aria-current="(\w+)">(\w+)</a>', frame) == [(current, section)], place


def test_an_entry_leads_to_its_actions(served: Pages, entries: tuple[ArchiveEntry, ...]) -> None:
    """Each action of the list is on the page of the entry too, and leads to the page that shows it first."""
    with served.browser() as browser:
        shown = browser.get(f"/entries/{entries[0].archive_id}").text
        for do in ("reprocess", "export", "restore", "hold", "purge"):
            place = f"/archives/chosen?do={do}&id={entries[0].archive_id}"
            assert f'href="{place.replace("&", "&amp;")}"' in shown
            assert browser.get(place).status_code == 200


def test_the_way_to_an_entry(served: Pages, entries: tuple[ArchiveEntry, ...]) -> None:
    """The list has a link to each entry, and each part of an entry is shown."""
    with served.browser() as browser:
        listed = browser.get("/archives").text
        for entry in entries:
            assert f'href="/entries/{entry.archive_id}"' in listed
            shown = browser.get(f"/entries/{entry.archive_id}").text
            assert f"<h1><bdi>{entry.serial_number or Path(entry.source_original_path).name}</bdi>" in shown
            for tab in ("report", "source", "conversions", "history", "about"):
                answer = browser.get(f"/entries/{entry.archive_id}?tab={tab}")
                assert answer.status_code == 200, answer.text
        found = browser.get("/archives?serial=SN1-again").text
        assert found.count('href="/entries/') == 1
        assert "Nothing matches" in browser.get("/archives?q=nothing-like-it").text
        assert browser.get("/archives?status=odd").status_code == 422


def test_the_demo_leaves_its_station_running(tmp_path: Path) -> None:
    """With ``--web`` a file that is dropped later is seen in the pages; the end of the pages ends the demo."""
    with serving("demo", "--web", "--count", "20", "--to", tmp_path / "demo") as running, running.api() as api:
        before = api.get("/api/v1/entries").json()["total"]
        assert before >= 20
        dropped = tmp_path / "demo" / "spea" / "watch" / "later.csv"
        dropped.write_bytes(b"not a test log")
        while api.get("/api/v1/entries").json()["total"] == before:
            time.sleep(0.2)
