"""The Retention page and its JSON twin over a real archive and HTTP on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.filled import fill
from tests.web_server import Pages, pages

from pywats_archive.client import Client
from pywats_archive.models.retention.policy import RetentionPolicy

TINY = {"converter": "C", "retention_days": "30", "max_size_gb": "0.000001", "purge_unsubmitted": "yes"}
"""A policy under which nearly everything goes."""


def in_force(root: Path) -> RetentionPolicy:
    """Return the policy as a program that starts now sees it."""
    with Client(root) as client:
        return client.retention.policy("C")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive with one of everything."""
    fill(tmp_path)
    return tmp_path / "archive"


@pytest.fixture
def served(root: Path) -> Iterator[Pages]:
    """Its pages."""
    with pages(root) as running:
        yield running


def test_a_policy_is_changed_after_its_plan_was_shown(served: Pages, root: Path) -> None:
    """The form shows what goes and changes nothing; what purges much needs a consent of its own (invariant 7)."""
    with served.browser() as browser, Client(root) as client:
        before = in_force(root)
        shown = browser.get("/retention/policy", params=TINY).text
        assert "of 4 entries would be purged" in shown and 'name="confirmed"' in shown
        assert in_force(root) == before
        refused = browser.post("/retention/policy", data=TINY)
        assert refused.status_code == 409 and "more than a fifth" in refused.text
        assert in_force(root) == before
        saved = browser.post("/retention/policy", data={**TINY, "confirmed": "yes"})
        assert saved.url.path == "/retention" and "30 days, failed ones 60" in saved.text
        assert in_force(root).max_size_gb == 0.000001
        assert client.find().total == 5
        browser.post("/retention/policy", data={"converter": "C", "follow": "yes"})
        assert in_force(root).retention_days == 90


@pytest.mark.parametrize(
    ("field", "value"), [("retention_days", "ten"), ("max_size_gb", "-1"), ("min_days", ""), ("odd", "1")]
)
def test_a_wrong_value_is_named(served: Pages, field: str, value: str) -> None:
    """A value that cannot be used changes nothing, and the page names its field."""
    with served.browser() as browser:
        answer = browser.post("/retention/policy", data={"converter": "C", field: value})
        assert answer.status_code == 422 and field in answer.text


def test_a_hold_and_its_release(served: Pages, root: Path) -> None:
    """A hold needs a reason; the page has reason and person, the history both changes (invariant 7)."""
    with served.browser() as browser, Client(root) as client:
        archive_id = client.find().items[0].archive_id
        place, reason = f"/entries/{archive_id}", "claim <b>7</b>\u202e"
        assert browser.post(f"{place}/hold", data={"reason": "  "}).status_code == 422
        assert browser.post(f"{place}/hold", data={"reason": reason}).url.path == place
        shown = browser.get("/retention").text
        assert archive_id in shown and "claim &lt;b&gt;7&lt;/b&gt;&lt;U+202E&gt;" in shown
        assert browser.get(f"{place}?tab=about").text.count("<button>Release") == 1
        assert [held.hold_reason for held in client.retention.holds()] == [reason]
        browser.post(f"{place}/release")
        assert client.retention.holds() == ()
        kinds = [event.kind for event in client.details(archive_id).events]
        assert kinds.count("hold.added") == kinds.count("hold.released") == 1


def test_the_twin_of_the_page(served: Pages, root: Path) -> None:
    """The API shows and changes the same policies and holds; a plan changes nothing, and much needs consent."""
    with served.api() as api, Client(root) as client:
        listed = api.get("/api/v1/retention").json()["policies"]
        assert [each["converter_name"] for each in listed] == [
            each.policy.converter_name for each in client.retention.policies()
        ]
        change = {"converter_name": "C", "changes": {"max_size_gb": 0.000001, "purge_unsubmitted": True}}
        (plan,) = api.post("/api/v1/retention/plan", json=change).json()
        assert plan["is_large"] and plan["purged"]
        assert api.post("/api/v1/retention/policy", json=change).status_code == 409
        assert in_force(root).max_size_gb == 10
        assert api.post("/api/v1/retention/policy", json={**change, "confirmed": True}).json()["max_size_gb"] == 1e-6
        assert in_force(root).max_size_gb == 0.000001
        archive_id = client.find().items[0].archive_id
        assert api.post(f"/api/v1/entries/{archive_id}/hold", json={"reason": "audit"}).status_code == 204
        assert [held["hold_reason"] for held in api.get("/api/v1/retention").json()["holds"]] == ["audit"]
        assert api.post(f"/api/v1/entries/{archive_id}/release").status_code == 204
        wrong = {"converter_name": "C", "changes": {"odd": 1}}
        assert api.post("/api/v1/retention/plan", json=wrong).status_code == 422
