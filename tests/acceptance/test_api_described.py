"""The HTTP API matches its OpenAPI description: schemathesis sends valid and invalid requests to each route, as each role."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.filled import fill
from tests.patience import PATIENCE_S
from tests.web_server import Pages, pages

from pywats_archive.client import Client
from pywats_archive.models.event import EventFilter
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.users import Users

LEFT_OUT = (
    "positive_data_acceptance",  # the description does not say which entries exist, or whether there is a configuration
    "negative_data_rejection",  # 0 is accepted as false, as in a query
    "allow_header_conformance",  # a path with two methods is two routes, and each names its own method
)
USER = "ann"
RUN = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
CONFIG = '[phases.coverage]\nunexpected-methods = ["PUT", "TRACE"]\n'
READING = {"token.used", "user.not_allowed", "source.restored", "report.read", "entry.exported", "bag.exported"}
EFFECTS = {
    Role.VIEWER: READING,
    Role.OPERATOR: READING | {"hold.added", "hold.released"},
}
"""The kinds of events that a role can cause in an archive without a configuration."""


def schemathesis(served: Pages, token: str, role: Role, folder: Path, *options: str) -> None:
    """Send requests with a token, and require that none of the answers is a fault."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    words = [sys.executable, "-c", RUN, "run", f"{served.address}/api/v1/openapi.json"]
    words += ["-H", f"Authorization: Bearer {token}", "--checks", "all", "--exclude-checks", ",".join(LEFT_OUT)]
    words += ["--workers", "1", "--seed", "1", "--no-color", "--warnings", "off", "--no-shrink", *options]
    words += ["--request-timeout", str(PATIENCE_S), "--suppress-health-check", "too_slow"]
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.api_roles",
        "API_ROLE": role.value,
        "API_USER": USER,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(words, cwd=folder, env=os.environ | hooks, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    with served.api() as api:
        count = len(re.findall(r"operationId", api.get("/api/v1/openapi.json").text))
    assert f"Tested: {count}" in done.stdout and count > 80


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_route_answers_as_described(tmp_path: Path) -> None:
    """No answer is an unexpected error, or has an undescribed status, type or shape; without a token, each is refused."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served:
        options = ("--phases", "coverage,fuzzing", "--max-examples", "1")
        schemathesis(served, served.token, Role.ADMIN, tmp_path, *options)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("role", Role)
def test_every_route_for_each_role(tmp_path: Path, role: Role) -> None:
    """A user gets no unexpected error; a route that the role forbids answers a valid request with 403, and does nothing."""
    fill(tmp_path)
    users = Users(tmp_path / "archive")
    users.add(USER, "correct horse battery", role)
    token = users.add_token(USER, "script", days=1)
    with pages(tmp_path / "archive") as served:
        schemathesis(served, token, role, tmp_path, "--phases", "fuzzing", "--mode", "positive", "--max-examples", "1")
        headers = {"authorization": f"Bearer {token}"}
        account = httpx.get(f"{served.address}/api/v1/account", headers=headers, timeout=PATIENCE_S)
        assert account.json()["role"] == role.value
    with Client(tmp_path / "archive") as client:
        kinds = {
            each.kind
            for each in client.events(EventFilter(), limit=10_000).events
            if each.actor == f"token:{USER}/script"
        }
    assert kinds >= READING - ({"user.not_allowed"} if role is Role.ADMIN else set())
    assert role is Role.ADMIN or kinds <= EFFECTS[role]


def test_the_description_is_of_the_api_alone(tmp_path: Path) -> None:
    """It has no page, each operation has a description, and every error response is described."""
    fill(tmp_path)
    with pages(tmp_path / "archive") as served, served.api() as api:
        described = api.get("/api/v1/openapi.json").json()
        assert httpx.get(f"{served.address}/api/v1/openapi.json", timeout=PATIENCE_S).status_code == 401
    for path, operations in described["paths"].items():
        assert path.startswith("/api/v1/")
        for each in operations.values():
            assert each["description"].endswith(".") and "problem+json" in str(each["responses"]["default"])
            assert "422" not in each["responses"]
