"""What who only reads concludes when no service works on an archive."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.readonly import read_only

from pywats_archive.archive.core import Archive
from pywats_archive.archive.ledger import Sighting, enter, set_arrival
from pywats_archive.archive.liveness.heartbeat import Heartbeat
from pywats_archive.archive.liveness.unattended import NOT_RUNNING, alert_of, alerts
from pywats_archive.archive.results.reports import add_report
from pywats_archive.archive.sources import ingest
from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.config.outline import StationOutline
from pywats_archive.config.server import ServerConfig
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.service import ServiceFacts, ServiceState, ServiceStatus
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


def test_a_stopped_service_is_missed_since_it_stopped() -> None:
    """And not since the question."""
    before = NOW - timedelta(days=3)
    stopped = ServiceStatus(root=Path("/a"), state=ServiceState.STOPPED, stopped_at=before)
    found = alert_of(stopped, waiting=1, now=NOW)
    assert found is not None and found.raised_at == before


def test_companions_do_not_count_where_the_converters_own_patterns_apply(tmp_path: Path) -> None:
    """The last service recorded these patterns; configured ones count before them."""
    config = station(tmp_path, file_patterns=["*.*"])
    for name in ("a.csv", "a.wav", "a.txt"):
        (tmp_path / "watch" / name).write_bytes(b"x")
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        sign = Heartbeat(archive)
        sign.beat(0.0, ServiceFacts(patterns={"ICT": ("*.csv",)}))
        sign.end()
    assert waiting(tmp_path, config) == 1
    assert waiting(tmp_path, station(tmp_path, file_patterns=["*.wav", "*.txt"])) == 2


def station(root: Path, **keys: Any) -> StationOutline:
    """A configuration of one converter whose archive lies in ``root``."""
    watch = root / "watch"
    watch.mkdir(exist_ok=True)
    folders = {"watch_folder": str(watch), "done_folder": str(watch / "Done")}
    more = {**folders, "file_patterns": ["*.csv"], "archive_enabled": True}
    config = ConverterConfig(name="ICT", module_path="own.Any", **{**more, **keys})
    whole = StationConfig(
        path=root / "config.json", converters_folder=root, server=ServerConfig(), converters=(config,)
    )
    return whole.outline()


def waiting(root: Path, station: StationOutline, *, made: bool = True) -> int:
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
    for name in ("Done", "e.csv"):
        (tmp_path / "watch" / name).mkdir()
    assert waiting(tmp_path, config, made=False) == 2
    Archive.open(tmp_path / "archive", create=True, own=True).close()
    assert waiting(tmp_path, config) == 2


@pytest.mark.parametrize("keys", [{"enabled": False}, {"archive_enabled": False}])
def test_what_no_archive_would_take_does_not_wait(tmp_path: Path, keys: dict[str, Any]) -> None:
    """A converter that is off, or has no archive, is missed by none."""
    config = station(tmp_path, **keys)
    (tmp_path / "watch/a.csv").write_bytes(b"x")
    assert waiting(tmp_path, config, made=False) == 0


def test_a_folder_waits_unless_it_was_left_there(tmp_path: Path) -> None:
    """Of a converter of folders, the station's own Done is no source, and one that it is done with stays as it is."""
    config = station(tmp_path, converter_type="folder")
    for name in ("SN1", "Done"):
        (tmp_path / "watch" / name).mkdir()
    assert waiting(tmp_path, config, made=False) == 1
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        (arrival,) = enter(archive, "ICT", [Sighting(path=str(tmp_path / "watch/SN1"), size_bytes=1, mtime_ns=1)])
        set_arrival(archive, arrival.number, ArrivalState.DONE)
    assert waiting(tmp_path, config) == 0


def test_a_report_waits_whose_source_has_come_to_its_end(tmp_path: Path) -> None:
    """A replay's report goes to the server without a source in any folder."""
    with_waiting_report(tmp_path)
    assert waiting(tmp_path, station(tmp_path)) == 1


def test_no_service_is_missed_on_a_medium_that_nobody_can_write(tmp_path: Path) -> None:
    """A backup or a snapshot is there to be read, whatever waited when it was made."""
    with_waiting_report(tmp_path)
    with read_only(tmp_path / "archive") as medium, Archive.open(medium) as archive:
        assert list(alerts((archive,), None, now=NOW)) == []


def with_waiting_report(root: Path) -> None:
    """Make an archive with a report that no server has, and nothing in a watch folder."""
    source = root / "a.csv"
    source.write_bytes(b"x")
    with Archive.open(root / "archive", create=True, own=True) as archive:
        entry = ingest.archive_source(archive, ingest.NewSource(path=source, converter_name="ICT"))
        add_report(archive, entry.archive_id, b'{"sn": "1"}')


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
    kept.write_bytes(b"it grows")
    assert waiting(tmp_path, config) == 1, "nor for what is written to it meanwhile"
    kept.write_bytes(b"x")
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))
    with Archive.open(tmp_path / "archive", own=True) as archive:
        set_arrival(archive, arrival.number, ArrivalState.DONE)
    assert waiting(tmp_path, config) == 0
    kept.write_bytes(b"another")
    assert waiting(tmp_path, config) == 1


def test_a_source_of_the_same_name_as_one_that_left_waits(tmp_path: Path) -> None:
    """Even with the size and the time of the one that was moved to Done: that one does not lie there any more."""
    config, again = station(tmp_path), tmp_path / "watch/a.csv"
    again.write_bytes(b"x")
    with Archive.open(tmp_path / "archive", create=True, own=True) as archive:
        sighting = Sighting(path=str(again), size_bytes=1, mtime_ns=again.stat().st_mtime_ns)
        (arrival,) = enter(archive, "ICT", [sighting])
        set_arrival(archive, arrival.number, ArrivalState.DONE, moved_to=str(tmp_path / "watch/Done/a.csv"))
    assert waiting(tmp_path, config) == 1
