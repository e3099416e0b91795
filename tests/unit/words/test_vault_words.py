"""The vault in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from pywats_archive.models.operation.statistics import OpenAlert
from pywats_archive.models.time import UTC
from pywats_archive.models.vault.shipping import VaultLag
from pywats_archive.words.vault import findings, waiting

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def lag(**fields: Any) -> VaultLag:
    """Return how far a vault has an archive: all is well, except for these fields."""
    sound: dict[str, Any] = {
        "archive": "/archive",
        "last": 9,
        "newest": 9,
        "events": 0,
        "size_bytes": 0,
        "minutes": 0.0,
        "late": False,
        "shipped_at": AT,
        "confirmed": None,
        "confirmed_at": None,
        "expected": None,
        "required": False,
        "overdue": False,
        "lacking": (),
        "alerts": (),
    }
    return VaultLag(**{**sound, **fields})


@pytest.mark.parametrize(
    ("minutes", "age"), [(0.3, "less than a minute"), (1.1, "1 minute"), (1.8, "2 minutes"), (90.0, "90 minutes")]
)
def test_an_age_is_in_whole_minutes(minutes: float, age: str) -> None:
    """And a single one is no plural."""
    assert (
        waiting(lag(events=2, size_bytes=1000, minutes=minutes))
        == f"2 events with 1 kB of files wait, the oldest for {age}"
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"late": True, "minutes": 61.0}, "events wait to be copied for 61 minutes, which is too long"),
        ({"required": True, "overdue": True}, "the vault has confirmed nothing of this history yet"),
        (
            {"required": True, "overdue": True, "confirmed": 9, "confirmed_at": AT, "expected": 9},
            "the vault has confirmed nothing since 2026-03-01 12:00:00 UTC, so nothing is purged",
        ),
        ({"confirmed": 4, "confirmed_at": AT, "expected": 9}, "the vault confirms only the events up to 4"),
    ],
)
def test_a_vault_that_is_behind_is_a_finding(fields: dict[str, Any], says: str) -> None:
    """Whether or not the service runs, which raises the alerts (invariant 13)."""
    (found,) = findings(lag(**fields), now=AT)
    assert found.startswith(says)


def test_sound_copies_have_no_finding() -> None:
    """Events copied since the vault was asked may not be confirmed yet."""
    assert not list(findings(lag(required=True, confirmed=4, confirmed_at=AT, expected=4), now=AT))
    assert not list(findings(lag(), now=AT))


def test_late_events_are_named_once() -> None:
    """The alert has the reason."""
    alert = OpenAlert(name="vault.late", subject="/archive", raised_at=AT, details={"reason": "away"})
    (found,) = findings(lag(late=True, minutes=61.0, alerts=(alert,)), now=AT)
    assert "away" in found
