"""What who only reads concludes when no service works on an archive."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting, enter
from pywats_archive.archive.results.conversions import set_arrival
from pywats_archive.archive.unattended import NOT_RUNNING, alert_of, alerts
from pywats_archive.config import ConverterConfig, ServerConfig, StationConfig
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.service import ServiceState, ServiceStatus
from pywats_archive.models.time import UTC

NOW = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("waiting", [0, 5])
@pytest.mark.parametrize("state", list(ServiceState))
def test_when_a_missing_service_is_trouble(state: ServiceState, waiting: int) -> None:
    """One that died or hangs always, one that was stopped while something waits, one that works never."""
    found = alert_of(ServiceStatus(root=Path("/a"), state=state), waiting=waiting, now=NOW)
    is_trouble = state in (ServiceState.DIED, ServiceState.STALLED) or (state is ServiceState.STOPPED and waiting > 0)
    assert (found is not None) == is_trouble
    if found:
        assert (found.name, found.subject, found.details["waiting"]) == (NOT_RUNNING, "/a", waiting)


def test_it_is_missed_since_its_last_sign() -> None:
    """The alert is as old as the trouble, not as the question."""
    before = NOW - timedelta(days=3)
    found = alert_of(ServiceStatus(root=Path("/a"), state=ServiceState.DIED, last_sign=before), waiting=0, now=NOW)
    assert found is not None and found.raised_at == before


def station(root: Path, **keys: Any) -> StationConfig:
    """A configuration of one converter whose archive lies in ``root``."""
    watch = root / "watch"
    watch.mkdir(exist_ok=True)
    more = {"watch_folder": str(watch), "done_folder": str(watch / "Done"), "file_patterns": ["*.csv"]}
    config = ConverterConfig(name="ICT", module_path="own.Any", archive_enabled=True, **{**more, **keys})
    return StationConfig(path=root / "config.json", converters_folder=root, server=ServerConfig(), converters=(config,))


def waiting(root: Path, station: StationConfig, *, made: bool = True) -> int:
    """Count what waits, by the alert; 0 when there is none."""
    if not made:
        found = list(alerts((), station, now=NOW))
    else:
        with Archive.open(root / "archive") as archive:
            found = list(alerts((archive,), station, now=NOW))
    return int(str(found[0].details["waiting"])) if found else 0


def test_what_lies_in_a_watch_folder_waits(tmp_path: Path) -> None:
    """Files that a pattern matches and no ledger has, before there is an archive and after (invariant 12)."""
    config = station(tmp_path)
    assert waiting(tmp_path, config, made=False) == 0
    for name in ("a.csv", "b.CSV", "c.txt", ".d.csv"):
        (tmp_path / "watch" / name).write_bytes(b"x")
    (tmp_path / "watch/Done").mkdir()
    assert waiting(tmp_path, config, made=False) == 2
    Archive.open(tmp_path / "archive", create=True, own=True).close()
    assert waiting(tmp_path, config) == 2


def test_what_the_ledger_has_counts_by_its_state(tmp_path: Path) -> None:
    """What was left in the folder on purpose waits no more; another file at its path does."""
    config = station(tmp_path)
    kept = tmp_path / "watch/a.csv"
    kept.write_bytes(b"x")
    status = kept.stat()
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        sighting = Sighting(path=str(kept), size_bytes=1, mtime_ns=status.st_mtime_ns, inode=status.st_ino)
        (arrival,) = enter(archive, "ICT", [sighting])
    assert waiting(tmp_path, config) == 1, "in hand, and not counted again for lying there"
    with Archive.open(tmp_path / "archive", own=True) as archive:
        set_arrival(archive, arrival.number, ArrivalState.DONE)
    assert waiting(tmp_path, config) == 0
    kept.write_bytes(b"another")
    assert waiting(tmp_path, config) == 1
