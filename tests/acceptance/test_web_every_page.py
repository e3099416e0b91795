"""Every page and form of a hostile station: foreign text is escaped, and each response has the security headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from tests.hostile import MARKUP
from tests.hostile_station import TEXT, Hostile, archive_alone, hostile_station, in_this_process
from tests.web_places import ROUTES, methods_of, pages_of_routes, refused_forms

from pywats_archive.web.access.guard import HEADERS
from pywats_archive.web.frame import rendering

FORBIDDEN = ("<img src=x", "<script>alert", "<b>", "13370021", "\0", "\x1b", "\u202e", "x" * 5000)
"""Text that no page may contain unescaped."""
OWN = "default-src 'none'"
"""The part that all our content security policies have."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """Serve the pages of a hostile station."""
    with hostile_station(tmp_path_factory.mktemp("hostile"), in_this_process) as station:
        yield station


def raw(answer: httpx.Response) -> list[str]:
    """Return the forbidden texts in a page; the value of a field may repeat what was typed."""
    shown = re.sub(r' value="[^"]*"', "", answer.content.decode("utf-8"))
    return [each for each in FORBIDDEN if each in shown]


def check(answer: httpx.Response) -> None:
    """Require the security headers, no unexpected error, and no unescaped text."""
    place = f"{answer.request.method} {answer.request.url}"[:300]
    assert answer.status_code < 500, (place, answer.text[:2000])
    assert HEADERS.items() - {("content-security-policy", HEADERS["content-security-policy"])} <= set(
        answer.headers.items()
    ), place
    assert OWN in answer.headers["content-security-policy"], place
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert raw(answer) == [], place
        assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"], place


def test_every_page_and_template_is_free_of_raw_text(made: Hostile) -> None:
    """The addresses in ``tests/web_places.py`` cover each page, each form and each template."""
    with made.pages.browser() as browser:
        for path, places in pages_of_routes(made).items():
            assert "{" not in places[0], f"{path}: say in tests/web_places.py where to see this page"
            for place in places:
                answer = browser.get(place)
                assert answer.status_code == 200, (place, answer.text[:2000])
                check(answer)
        for path, forms in refused_forms(made).items():
            assert "{" not in forms[0][0], f"{path}: say in tests/web_places.py what this form refuses"
            for place, fields in forms:
                answer = browser.post(place, data=fields)
                assert answer.status_code in (403, 404, 409, 413, 422), (place, answer.status_code)
                assert answer.headers["content-type"].startswith("text/html"), place
                check(answer)
    with archive_alone(made.station) as alone, alone.browser() as browser:
        for places in pages_of_routes(made).values():
            check(browser.get(places[0]))
    used = {name for _, name in rendering._TEMPLATES.cache or ()}
    own = {each for each in rendering._TEMPLATES.list_templates() if not each.startswith("plant/")}
    assert own - used == set()


def test_hostile_queries(made: Hostile) -> None:
    """Hostile text in any field of a form or of a linked query is refused, or shown escaped."""
    asked: set[tuple[str, str]] = set()
    with made.pages.browser() as browser:
        for places in pages_of_routes(made).values():
            for place in places:
                found = _Addresses(place)
                found.feed(browser.get(place).text)
                asked |= found.asked
        assert ("/archives", "q") in asked and len(asked) > 30, asked
        for path, name in sorted(asked):
            for value in (TEXT[:3000], "\0", "-1", "9" * 400, "%ff"):
                check(browser.get(f"{path}?{urlencode({name: value})}"))


class _Addresses(HTMLParser):
    """Collects the links and search forms of a page: pairs of a path and the name of a query field."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = urlsplit(place).path
        self._action = ""
        self.asked: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._action = found["action"] if found.get("method") == "get" else ""
        elif self._action and found.get("name"):
            self.asked.add((self._action, found["name"]))
        if found.get("href", "").startswith("/"):
            address = urlsplit(found["href"])
            self.asked |= {(address.path, name) for name, _ in parse_qsl(address.query, keep_blank_values=True)}


ODD = (
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%00",
    "%ff",
    "%ed%a0%80",
    "-1",
    "9" * 400,
    quote(MARKUP, safe=""),
    "x" * 10_000,
)


def test_hostile_addresses(made: Hostile) -> None:
    """Odd text in the path of any route, of pages and API, is an ordinary refusal."""
    with made.pages.browser() as browser:
        for route in ROUTES:
            before, *parts = re.split(r"{[^}]*}", route.path)
            for odd in ODD if parts else ():
                place = odd.join((before, *parts))
                for method in methods_of(route):
                    answer = browser.request(method, place, headers={"accept-encoding": "identity"})
                    assert 300 <= answer.status_code < 500, (method, place[:200], answer.status_code)
                    check(answer)


def test_the_policy_is_on_every_other_answer(made: Hostile) -> None:
    """Static files, the stream of a run, downloads and refusals have the security headers too."""
    entry = f"/api/v1/entries/{made.entries['plain']}"
    statics = [f"/static/{path.name}" for path in (rendering.FOLDER / "static").iterdir()]
    contents = [f"{entry}/source", f"{entry}/reports/1", f"{entry}/reports/1/attachments/3", "/api/v1/runs/1/events"]
    with made.pages.browser() as browser:
        for place in (*statics, *contents, "/static/none", "/nowhere", "/api/v1/nothing", "/api/v1/openapi.json"):
            check(browser.get(place))
            check(browser.get(place, headers={"host": "evil.example"}))
        check(browser.post("/runs", headers={"sec-fetch-site": "cross-site"}))
        check(browser.post("/runs", content=b"x" * 1_000_001))
