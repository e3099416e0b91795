"""A source that vanished before it could be archived."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.captured import capture_logs

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting
from pywats_archive.errors import StorageError
from pywats_archive.models.time import utc_now
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.lanes.ledgers import ArchiveLedger, AwayLedger, Ledger, MemoryLedger
from pywats_archive.pipeline.lanes.vanished import record_vanished

LEDGERS: dict[str, Callable[[Archive], Ledger]] = {
    "archive": lambda archive: ArchiveLedger(archive, "c"),
    "memory": lambda archive: MemoryLedger("c", clock=utc_now),
    "away": lambda archive: AwayLedger("c", clock=utc_now),
}


@pytest.mark.parametrize("kind", LEDGERS)
def test_it_is_recorded_logged_and_no_longer_failing(tmp_path: Path, kind: str) -> None:
    """Whichever ledger has it, it is finished, the log says why, and its failure to be archived is over (invariant 12)."""
    alerts = Alerts(list, clock=utc_now)
    failures = ArchiveFailures(alerts)
    with Archive.open(tmp_path / "archive", create=True) as archive, capture_logs() as logs:
        ledger = LEDGERS[kind](archive)
        (arrival,) = ledger.enter([Sighting(path=str(tmp_path / "a.log"), size_bytes=1, mtime_ns=2)])
        failures.add("c", arrival.number, StorageError("the archive does not accept it"))
        record_vanished(ledger, arrival, failures)
        known = ledger.get(arrival.number)
    assert known is None or known.state.is_final
    assert not alerts.open
    (line,) = [line for line in logs if line["event"] == "source.vanished"]
    assert (line["converter"], line["path"]) == ("c", arrival.path)
    assert line["reason"] == "gone before it could be archived"
