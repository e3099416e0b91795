"""What ``init`` says of the answers."""

from __future__ import annotations

import pytest

from pywats_archive.cli.init import words
from pywats_archive.config import ConverterConfig


@pytest.mark.parametrize(
    ("days", "kept", "takes"),
    [
        (1, "after 1 day (of failed files after 2 days)", "1 day takes about"),
        (2000, "after 2,000 days (of failed files after 4,000 days)", "2,000 days take about"),
    ],
)
def test_days_are_counted_in_words(days: int, kept: str, takes: str) -> None:
    """One day is singular."""
    config = ConverterConfig(name="ICT", module_path="m.C", watch_folder="/w", retention_days=days)
    assert any(kept in line for line in words.consequences(config))
    assert words.room_for(None, days).startswith(takes)
