"""Half a minute of the siege that ``make soak`` lays for five."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import pytest

from tests.soak.siege import ENDS, Siege
from tests.soak.verdict import faults_of


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_nothing_is_lost_under_siege(tmp_path: Path) -> None:
    """Killed at random over a server that misbehaves, the service loses no source and no report (invariants 1 to 5, 8, 12)."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 (shown when the test fails)
    with Siege(tmp_path / "station", seed=seed) as siege:
        siege.run(30)
        found = [*siege.finish(), *faults_of(siege)]
        assert not found, (f"python -m tests.soak --seconds 30 --seed {seed}", siege.told(), found)
        assert siege.drops and sum(siege.counts[way] for way in ENDS) > 2
        _check_that_the_verdict_can_be_another(siege)


def _check_that_the_verdict_can_be_another(siege: Siege) -> None:
    """A file too many in Done, one too few, and a damaged blob are each seen."""
    done = next((siege.station.root / "move" / "Done").iterdir())
    shutil.copy(done, done.with_name("twice"))
    assert any("too often" in fault for fault in faults_of(siege))
    done.with_name("twice").unlink()
    kept = done.rename(siege.station.root / "kept")
    assert any("Done lacks" in fault for fault in faults_of(siege))
    kept.rename(done)
    report = next((siege.station.archive_root / "reports").rglob("*.gz"))
    report.unlink()
    assert any("missing" in fault for fault in faults_of(siege))
