"""Verbs that only read leave the folder of the configuration as it was."""

from __future__ import annotations

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.host.settings.state_file import STATE_FILE


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("search", "content"),
        ("stats",),
        ("status",),
        ("verify",),
        ("hold", "list"),
        ("policy", "list"),
        ("purge", "--preview"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_a_verb_that_reads_writes_nothing_beside_the_configuration(station: Station, words: tuple[str, ...]) -> None:
    """Neither the state file nor anything else is created or changed there."""
    (station.add("ict") / "SN1.log").write_bytes(b"content")
    station.run()
    (station.root / STATE_FILE).unlink()
    before = beside(station)
    answer = command(*words, "--config", station.root / "config.json")
    assert answer.returncode in (0, 1) and "Traceback" not in answer.stderr
    assert beside(station) == before


def beside(station: Station) -> dict[str, tuple[int, int]]:
    """Return size and time of each file beside the configuration."""
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in station.root.iterdir() if path.is_file()
    }
