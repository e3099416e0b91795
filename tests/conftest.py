"""What all tests share: stations to run, real samples where they are, and an archive that must be sound in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.table import table
from tests.station import Station, check_sound

SAMPLES = Path(__file__).parents[1].parent / "shared" / "samples"


@pytest.fixture
def samples() -> Path:
    """The folder of real log files; tests that need it are skipped where it is not."""
    if not SAMPLES.is_dir():
        pytest.skip("the real log files are not here")
    return SAMPLES


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with a loopback server; its archive is checked in the end."""
    with Station(tmp_path / "station") as made:
        yield made
    check_sound(made.archive_root)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show what the fault harness tried; a scenario with a failed test shows among the failures instead."""
    lines = list(table(terminalreporter.stats.get("passed", ())))
    if lines:
        terminalreporter.section("what went wrong, and lost nothing")
    for line in lines:
        terminalreporter.write_line(line)
