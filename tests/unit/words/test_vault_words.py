"""The vault in words."""

from __future__ import annotations

import pytest

from pywats_archive.models.vault.shipping import VaultLag
from pywats_archive.words.vault import waiting


@pytest.mark.parametrize(
    ("minutes", "age"), [(0.3, "less than a minute"), (1.1, "1 minute"), (1.8, "2 minutes"), (90.0, "90 minutes")]
)
def test_an_age_is_in_whole_minutes(minutes: float, age: str) -> None:
    """And a single one is no plural."""
    lag = VaultLag(
        archive="/archive",
        last=0,
        newest=2,
        events=2,
        size_bytes=1000,
        minutes=minutes,
        shipped_at=None,
        confirmed=None,
        confirmed_at=None,
        lacking=(),
        alerts=(),
    )
    assert waiting(lag) == f"2 events with 1 kB of files wait, the oldest for {age}"
