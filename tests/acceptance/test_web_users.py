"""Users can be managed on the page, through its JSON twin and with the command; the history records each change."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.command import command
from tests.filled import fill
from tests.patience import PATIENCE_S
from tests.web_server import Pages, pages

from pywats_archive.client import Client
from pywats_archive.models.event import EventFilter

PASSWORD, OTHER = "correct horse battery", "wrong donkey charger"
OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive without users."""
    fill(tmp_path)
    return tmp_path / "archive"


@pytest.fixture
def served(root: Path) -> Iterator[Pages]:
    """Serve the pages of the archive."""
    with pages(root) as running:
        yield running


def users(root: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``web users``."""
    with tempfile.TemporaryFile() as typed:
        typed.write(given.encode())
        typed.seek(0)
        return command("web", "users", *words, "--archive", root, stdin=typed.fileno())


def changes(root: Path) -> list[tuple[str, object]]:
    """Return the events about users and tokens: the kind, and the token or role in the details."""
    with Client(root) as client:
        found = client.events(EventFilter(kinds=("user", "token")), limit=1000).events
    return [
        (each.kind, each.details.get("token", each.details.get("role"))) for each in found if "user" in each.details
    ]


def signs_in(served: Pages, name: str, password: str) -> bool:
    """Return whether a name and password are accepted."""
    answer = httpx.post(f"{served.address}/sign-in", data={"name": name, "password": password}, timeout=PATIENCE_S)
    return answer.status_code == 303


def test_the_page(served: Pages, root: Path) -> None:
    """An admin adds a user, changes role and password, makes and revokes a token, ends sessions, and removes the user."""
    with served.browser() as admin:

        def send(place: str, status: int = 200, **form: object) -> str:
            answer = admin.post(place, data=form, headers=OWN)
            assert answer.status_code == status, answer.text
            return answer.text

        assert "No user yet" in admin.get("/users").text
        kept = send("/users", 422, name="Ann Lee", role="operator", password="short")
        assert "12 to 1,000 characters" in kept and 'value="Ann Lee"' in kept and "short" not in kept
        assert "Ann Lee" in send("/users", name="Ann Lee", role="viewer", password=PASSWORD)
        assert signs_in(served, "ann lee", PASSWORD)
        here = "/users/Ann%20Lee"
        assert "1 browser" in admin.get("/users").text and "127.0.0.1" in admin.get(here).text
        assert "In no browser" in send(f"{here}/sessions/end")
        send("/users", name="bob", role="admin", password=PASSWORD)
        assert "last admin" in send("/users/bob/role", 422, role="viewer")
        assert 'value="operator" checked' in send(f"{here}/role", role="operator")
        send(f"{here}/password", 422, password="")
        send(f"{here}/password", password=OTHER)
        assert signs_in(served, "Ann Lee", OTHER) and not signs_in(served, "Ann Lee", PASSWORD)
        shown = send(f"{here}/tokens", token="nightly", days="30")
        found = re.search(r"pwa_[\w-]{43}", shown)
        assert found and found[0] not in admin.get(here).text
        program = httpx.Client(
            base_url=served.address, headers={"authorization": f"Bearer {found[0]}"}, timeout=PATIENCE_S
        )
        with program:
            assert program.get("/api/v1/account").json()["name"] == "Ann Lee"
            assert program.get("/api/v1/users").status_code == 403
            send(f"{here}/tokens/revoke", token="nightly")
            assert program.get("/api/v1/account").status_code == 401
        assert "Ann Lee" not in send(f"{here}/remove") and admin.get(here).status_code == 404
    assert changes(root)[:3] == [("user.added", "viewer"), ("user.sessions_ended", None), ("user.added", "admin")]
    assert [kind for kind, _ in changes(root)[3:6]] == ["user.role_changed", "user.password_changed", "user.refused"]
    assert changes(root)[6:] == [("token.added", "nightly"), ("token.revoked", "nightly"), ("user.removed", "operator")]


def test_the_twin(served: Pages, root: Path) -> None:
    """The API offers the same actions; the only secret that it returns is a new token."""
    with served.api() as api:

        def send(place: str, status: int = 200, **body: object) -> httpx.Response:
            answer = api.post(f"/api/v1/users{place}", json=body)
            assert answer.status_code == status, answer.text
            return answer

        refused = send("", 422, name="ann", role="admin", password="short")
        assert "short" not in refused.text.replace("too short", "")
        assert send("", 201, name="ann", role="admin", password=PASSWORD).json()["role"] == "admin"
        send("", 201, name="bob", role="viewer", password=PASSWORD)
        send("", 422, name="bob", role="king", password=PASSWORD)
        assert signs_in(served, "bob", PASSWORD)
        (session,) = api.get("/api/v1/users/bob").json()["sessions"]
        assert send("/bob/sessions/end", session_id=session["session_id"]).json()["sessions"] == []
        assert send("/bob/role", role="operator").json()["role"] == "operator"
        send("/ann/role", 422, role="viewer")
        send("/bob/password", password=OTHER)
        assert signs_in(served, "bob", OTHER)
        made = send("/bob/tokens", 201, name="script", days=1).json()
        listed = api.get("/api/v1/users").text
        assert made["token"] not in listed and "argon2" not in listed and "digest" not in listed
        assert [each["name"] for each in json.loads(listed)] == ["ann", "bob"]
        asked = {"authorization": f"Bearer {made['token']}"}
        assert (
            httpx.get(f"{served.address}/api/v1/account", headers=asked, timeout=PATIENCE_S).json()["role"]
            == "operator"
        )
        send("/bob/tokens/revoke", name="script")
        send("/bob/remove", 204)
        assert api.get("/api/v1/users/bob").status_code == 404


def test_the_command(root: Path) -> None:
    """The command adds the first admin before the pages are served, reads passwords from its input, and never prints one."""
    assert "no user yet; 'pywats-archive web users add' adds one" in " ".join(users(root, "list").stdout.split())
    assert users(root, "add", "ann", "--role", "admin", given=f"{PASSWORD}\n").stdout == "ann: admin\n"
    refused = users(root, "add", "bob", given="short\n")
    assert refused.returncode == 2 and "short" not in refused.stderr and "choose another one" in refused.stderr
    assert users(root, "add", "bob", given=f"{PASSWORD}\n").stdout == "bob: viewer\n"
    assert users(root, "set", "bob", "--role", "operator", "--password", given=OTHER).stdout == "bob: operator\n"
    secret = users(root, "token", "bob", "script", "--days", "7").stdout.strip()
    with pages(root) as served:
        assert signs_in(served, "ann", PASSWORD) and signs_in(served, "bob", OTHER)
        asked = {"authorization": f"Bearer {secret}"}
        assert httpx.get(f"{served.address}/api/v1/account", headers=asked, timeout=PATIENCE_S).json()["name"] == "bob"
        listed = json.loads(users(root, "list", "--json").stdout)["users"]
        assert [(each["name"], each["role"], each["sessions"]) for each in listed] == [
            ("ann", "admin", 1),
            ("bob", "operator", 1),
        ]
        assert users(root, "revoke", "bob", "script").returncode == 0
        assert httpx.get(f"{served.address}/api/v1/account", headers=asked, timeout=PATIENCE_S).status_code == 401
    assert users(root, "remove", "none").returncode == 2
    assert users(root, "remove", "bob").stdout == "bob: removed\n"
    kinds = [kind for kind, _ in changes(root)]
    assert kinds[:2] == ["user.added", "user.added"] and kinds[-2:] == ["token.revoked", "user.removed"]


def test_the_own_password(served: Pages, root: Path) -> None:
    """A change needs the old password; the session stays, and all other sessions of the user end."""
    users(root, "add", "ann", "--role", "viewer", given=PASSWORD)
    with (
        httpx.Client(base_url=served.address, timeout=PATIENCE_S) as here,
        httpx.Client(base_url=served.address, timeout=PATIENCE_S) as there,
    ):
        for each in (here, there):
            each.post("/sign-in", data={"name": "ann", "password": PASSWORD})
            assert "Change password" in each.get("/account").text and "/users" not in each.get("/account").text
        wrong = here.post("/account/password", data={"old": OTHER, "password": OTHER}, headers=OWN)
        assert wrong.status_code == 422 and "old password is wrong" in wrong.text
        done = here.post("/account/password", data={"old": PASSWORD, "password": OTHER}, headers=OWN)
        assert done.status_code == 303
        assert (here.get("/account").status_code, there.get("/account").status_code) == (200, 303)
    with served.browser() as station:
        assert "token of this station" in station.get("/account").text
        assert station.post("/account/password", data={"old": "", "password": OTHER}).status_code == 422
