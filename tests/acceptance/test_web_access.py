"""Who may use the pages: users, their roles and their sessions, over real HTTP."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from itertools import product
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.filled import fill
from tests.patience import PATIENCE_S
from tests.web_server import TRUST, Pages, pages

from pywats_archive.client import Client
from pywats_archive.models.event import EventFilter, RecordedEvent
from pywats_archive.web import app
from pywats_archive.web.access.needs import actions_of
from pywats_archive.web.access.roles import Action, Role, may
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.access.token import TOKEN_FILE
from pywats_archive.web.access.users import USER_FILE, Users

PASSWORD = "correct horse battery"
NEXT = 17
"""A number that no run has."""
ROUTES = sorted(
    ((method, re.sub(r"{[^}]*}", str(NEXT), route.path), actions_of(route))
    for router in app.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()),
)  # fmt: skip
FORGED = [
    {"host": "evil.example"},
    {"host": "127.0.0.1.evil.example:80"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1"},
]
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one of everything, and a user of each role."""
    base = tmp_path_factory.mktemp("station")
    fill(base)
    users = Users(base / "archive")
    for role in Role:
        users.add(role.value, PASSWORD, role)
    return base / "archive"


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


@pytest.fixture
def fresh(root: Path) -> Iterator[Pages]:
    """Pages that have counted no wrong password yet."""
    with pages(root) as running:
        yield running


@contextmanager
def signed_in(served: Pages, name: str) -> Iterator[httpx.Client]:
    """A browser in which somebody has signed in."""
    with httpx.Client(base_url=served.address, verify=TRUST, timeout=PATIENCE_S) as browser:
        answer = browser.post("/sign-in", data={"name": name, "password": PASSWORD}, headers=OWN)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/"), answer.text
        yield browser


def events(root: Path, *kinds: str) -> tuple[RecordedEvent, ...]:
    """What the history has."""
    with Client(root) as client:
        return client.events(EventFilter(kinds=kinds), limit=10_000).events


@pytest.mark.parametrize("role", Role)
def test_each_route_for_each_role(served: Pages, root: Path, role: Role) -> None:
    """What a role does not allow is refused with who may, as a page and as a problem, and is on record; all else is not."""
    token = Users(root).add_token(role.value, "test", days=1)
    refused = set()
    with (
        signed_in(served, role.value) as browser,
        httpx.Client(base_url=served.address, verify=TRUST, timeout=PATIENCE_S) as program,
    ):
        for method, place, actions in ROUTES:
            if "/sign-" in place:
                continue
            is_allowed = all(may(role, action) for action in actions)
            for asker, headers in ((browser, OWN), (program, {"authorization": f"Bearer {token}"})):
                answer = asker.request(method, place, headers=headers)
                assert (answer.status_code != 403) is is_allowed, (method, place, answer.text)
                if not is_allowed:
                    refused.add(actions[-1].value)
                    assert "admin may" in answer.text and "not allowed" in answer.text.lower()
                    assert answer.headers["content-type"].startswith("application/problem") is place.startswith("/api")
    found = {each.details["action"] for each in events(root, "user.not_allowed") if each.actor == f"web:{role.value}"}
    assert found == refused and bool(refused) is (role is not Role.ADMIN)


def test_a_viewer_is_offered_nothing_that_is_refused(served: Pages, root: Path) -> None:
    """Each form of a page can be sent by whoever sees it."""
    with Client(root) as client:
        entry = client.find().items[0].archive_id
    places = ["/", "/archives", "/runs", "/runs/new", "/retention", "/integrity", "/settings", "/account"]
    places += [f"/entries/{entry}?tab=about", "/retention/policy?converter=C&retention_days=7"]
    offered: dict[Role, set[str]] = {}
    for role in Role:
        with signed_in(served, role.value) as browser:
            shown = [browser.get(place).text for place in places]
            forms = [form for text in shown for form in re.findall(r'<form[^>]* method="post".*?</form>', text, re.S)]
            offered[role] = {re.findall(r' action="([^"]*)"', form)[0] for form in forms if "<button" in form}
    assert offered[Role.VIEWER] == {"/sign-out", "/account/password"}
    assert offered[Role.OPERATOR] - offered[Role.VIEWER] == {"/integrity/check", f"/entries/{entry}/hold"}
    assert "/retention/policy" in offered[Role.ADMIN]


@pytest.mark.parametrize("headers", FORGED, ids=str)
def test_each_route_with_forged_headers(served: Pages, headers: dict[str, str]) -> None:
    """Not even an admin's browser does what another site asks, nor does any page answer under another name."""
    with (
        signed_in(served, "admin") as browser,
        httpx.Client(base_url=served.address, verify=TRUST, timeout=PATIENCE_S) as stranger,
    ):
        for (method, place, _), asker in product(ROUTES, (browser, stranger)):
            if method != "GET" or "host" in headers:
                answer = asker.request(method, place, headers=headers)
                assert answer.status_code == (421 if "host" in headers else 403), (method, place)
        assert browser.get("/archives").status_code == 200


def test_no_other_site_signs_anybody_in(served: Pages) -> None:
    """A sign-in by another site would have a person work under a stranger's name."""
    form = {"name": "viewer", "password": PASSWORD}
    for headers in FORGED:
        answer = httpx.post(f"{served.address}/sign-in", data=form, headers=headers, timeout=PATIENCE_S)
        assert answer.status_code in (403, 421) and "set-cookie" not in answer.headers


def test_sign_in_leads_back(served: Pages) -> None:
    """To the page that was wanted, and to no other site."""
    with httpx.Client(base_url=served.address, verify=TRUST, timeout=PATIENCE_S) as browser:
        wanted = browser.get("/archives?serial=SN%201&status=failed")
        assert wanted.status_code == 303
        form = browser.get(wanted.headers["location"]).text
        found = re.search(r'name="to" value="([^"]*)"', form)
        assert found
        to = found[1].replace("&amp;", "&")
        assert to == "/archives?serial=SN%201&status=failed"
        for asked, reached in ((to, to), ("//evil.example", "/"), ("/\\evil", "/"), ("http://x", "/"), ("/a\nb", "/")):
            data = {"name": "viewer", "password": PASSWORD, "to": asked}
            assert browser.post("/sign-in", data=data).headers["location"] == reached


def test_a_session_ends(served: Pages, root: Path) -> None:
    """With the sign-out, a new password, another role, the removal, or because an admin ends it."""
    users = Users(root)
    users.add("leaving", PASSWORD, Role.VIEWER)
    sessions = Sessions(root, length=timedelta(hours=1))
    ends: dict[str, Callable[[], object]] = {
        "password": lambda: users.set_password("leaving", PASSWORD),
        "role": lambda: users.set_role("leaving", Role.OPERATOR),
        "session": lambda: sessions.end_those_of("leaving"),
        "removal": lambda: users.remove("leaving"),
    }
    for name, end in ends.items():
        with signed_in(served, "leaving") as browser, signed_in(served, "viewer") as other:
            assert browser.get("/archives").status_code == 200
            end()
            assert browser.get("/archives").status_code == 303, name
            assert other.get("/archives").status_code == 200
    with signed_in(served, "viewer") as browser:
        kept = dict(browser.cookies)
        assert browser.post("/sign-out", headers=OWN).status_code == 303
        assert httpx.get(f"{served.address}/archives", cookies=kept, timeout=PATIENCE_S).status_code == 303
    assert {each.actor for each in events(root, "user.signed_out")} >= {"web:viewer"}


def test_the_history_names_the_user(served: Pages, root: Path) -> None:
    """Who signs in, and who reads a source, a report or an attachment, is on record by name."""
    with Client(root) as client:
        entry = next(each for each in client.find().items if each.report_count and each.source_archived_path)
    before = len(events(root, "report", "source"))
    with signed_in(served, "viewer") as browser:
        for place in (f"/entries/{entry.archive_id}", f"/entries/{entry.archive_id}?tab=source"):
            assert browser.get(place).status_code == 200
        assert browser.get(f"/api/v1/entries/{entry.archive_id}/source").status_code == 200
        assert browser.get(f"/api/v1/entries/{entry.archive_id}/reports/1").status_code == 200
        browser.get(f"/api/v1/entries/{entry.archive_id}/reports/1/attachments/1")
    seen = [each for each in events(root, "report", "source")[before:] if each.actor == "web:viewer"]
    assert Counter(each.kind for each in seen) == {"report.read": 3, "source.restored": 2}
    assert [each.details for each in seen if each.kind == "report.read"][-1].items() >= {
        "number": 1,
        "attachment": 1,
    }.items()
    (signed, *_) = [each for each in events(root, "user.signed_in") if each.actor == "web:viewer"]
    assert signed.details == {"address": "127.0.0.1", "by": "password", "version": version("pywats-archive")}


def test_a_thousand_wrong_passwords(fresh: Pages, root: Path) -> None:
    """All are refused, few are checked, the history has their number in few events, and the station's token still works."""
    before = len(events(root, "user"))
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=fresh.address, verify=TRUST, timeout=PATIENCE_S) as stranger:
        for number in range(1000):
            form = {"name": "admin", "password": f"wrong password {number}", "token": ""}
            answer = stranger.post("/sign-in", data=form, headers={"x-forwarded-for": f"10.0.0.{number % 250}"})
            statuses[answer.status_code] += 1
            assert "set-cookie" not in answer.headers
        assert int(answer.headers["retry-after"]) > 0 and "Try again in" in answer.text
        right = stranger.post("/sign-in", data={"name": "admin", "password": PASSWORD})
        assert right.status_code == 429
    assert statuses[403] <= 10 and statuses[403] + statuses[429] == 1000
    found = events(root, "user")[before:]
    assert len(found) < 30 and max(each.details["times"] for each in found if each.kind == "user.locked_out") >= 100
    with fresh.browser() as browser:
        assert browser.get("/archives").status_code == 200


def test_each_action_is_known() -> None:
    """The table of roles is the one that the routes use."""
    assert {action for _, _, actions in ROUTES for action in actions} >= {Action.READ, Action.POLICY, Action.SIGN_IN}


def test_unreadable_users_let_nobody_in(root: Path) -> None:
    """That is one clear problem without a path, the log has the reason once, and all is well once the file is."""
    path = root / USER_FILE
    with pages(root) as served, signed_in(served, "viewer") as browser:
        kept = path.read_bytes()
        try:
            path.write_bytes(b'{"half')
            for _ in range(3):
                answer = browser.get("/archives")
                assert answer.status_code == 503 and "cannot be read" in answer.text and str(root) not in answer.text
                assert "content-security-policy" in answer.headers
            with served.api() as program:
                assert program.get("/api/v1/status").status_code == 200
        finally:
            path.write_bytes(kept)
        assert browser.get("/archives").status_code == 200


def test_a_new_token_of_the_station_ends_the_sessions_of_the_old_one(root: Path) -> None:
    """Whoever removes the token because somebody has seen it means everybody who came in with it."""
    with pages(root) as served, served.browser() as browser:
        kept = dict(browser.cookies)
    with pages(root) as served:
        assert httpx.get(f"{served.address}/archives", cookies=kept, timeout=PATIENCE_S).status_code == 200
    (root / TOKEN_FILE).unlink()
    with pages(root) as served:
        assert httpx.get(f"{served.address}/archives", cookies=kept, timeout=PATIENCE_S).status_code == 303
