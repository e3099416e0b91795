"""What is converted while the archive fails: memory and ``Done/not-archived`` hold it until the archive works."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.captured import capture_logs
from tests.station import Station, block_today, wait_for, wait_for_event

from pywats_archive.archive.restore.source import restore_source
from pywats_archive.config import ConverterConfig
from pywats_archive.errors import StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.deferred import backfill
from pywats_archive.pipeline.deferred.note import Seal
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.postprocess import departing
from pywats_archive.pipeline.postprocess.decisions import Destination, Ending
from pywats_archive.pipeline.service import Service


def put_aside(station: Station) -> list[Path]:
    """List what lies in Done, waiting for the archive."""
    return sorted((station.root / "on/Done/not-archived").glob("*/source/*"))


def failing(station: Station, **keys: Any) -> tuple[Path, Path]:
    """Set up a converter that goes on while its archive fails; returns the watch folder and what makes the archive fail."""
    watch = station.add("on", on_archive_error="continue", **keys)
    station.run()
    return watch, block_today(station.archive_root)


def test_what_is_being_put_aside_is_not_taken_for_empty(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catching up leaves a folder alone whose note is there and whose source is not yet: both are kept (invariant 11)."""
    watch, blocked = failing(station)
    (watch / "a.log").write_bytes(b"precious")
    move_into, looked = departing.move_into, threading.Event()
    settle = backfill.archive_parked

    def slowly(folder: Path, path: Path, *, name: str | None = None) -> Path:
        if name == "a.log" and "not-archived" in folder.parts:
            looked.wait(4)
        return move_into(folder, path, name=name)

    def settle_and_tell(*told: Any, **more: Any) -> None:
        try:
            settle(*told, **more)
        finally:
            looked.set()

    monkeypatch.setattr(departing, "move_into", slowly)
    monkeypatch.setattr(backfill, "archive_parked", settle_and_tell)
    with station.serving():
        wait_for(lambda: put_aside(station))
        blocked.unlink()
        wait_for(lambda: "a.log" in station.names("on/Done"))
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]
    assert [report.report_id for report in station.details().reports] == list(station.server.received)


def test_another_source_of_that_name_is_not_put_aside_for_it(station: Station) -> None:
    """What replaced a source while its reports waited is converted itself (invariant 12)."""
    watch, blocked = failing(station)
    station.server.stop()
    with station.serving() as service:
        (watch / "a.log").write_bytes(b"first")
        wait_for(lambda: _waits_in_memory(service))
        (watch / "a.log").write_bytes(b"second one")
        time.sleep(1)
        station.server.start()
        wait_for(lambda: len(station.server.received) == 2)
        wait_for(lambda: put_aside(station))
        blocked.unlink()
        wait_for(lambda: "a.log" in station.names("on/Done"))
    states = [arrival.state.value for arrival in station.arrivals()]
    assert states == ["vanished", "done"]


def test_a_source_that_is_gone_is_not_put_aside_for_ever(station: Station) -> None:
    """One that somebody took while its report waited has vanished, and no folder is made for it (invariant 12)."""
    watch, blocked = failing(station)
    station.server.stop()
    with station.serving() as service:
        (watch / "a.log").write_bytes(b"first")
        wait_for(lambda: _waits_in_memory(service))
        (watch / "a.log").unlink()
        station.server.start()
        wait_for(lambda: [arrival.state.value for arrival in station.arrivals()] == ["vanished"])
    assert station.names("on/Done/not-archived") == []
    blocked.unlink()


def test_a_try_to_put_aside_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """What cannot be put aside lies where it lay, and no folder or note of the try is left (invariant 11)."""
    (tmp_path / "a.log").write_bytes(b"x")
    config = ConverterConfig.model_validate(
        {"name": "c", "module_path": "m.C", "watch_folder": str(tmp_path), "done_folder": str(tmp_path / "Done")}
    )
    now = datetime(2026, 2, 13, tzinfo=UTC)
    arrival = Arrival(
        arrival_id=-1,
        converter_name="c",
        path=str(tmp_path / "a.log"),
        size_bytes=1,
        mtime_ns=(tmp_path / "a.log").stat().st_mtime_ns,
        first_seen_at=now,
        state=ArrivalState.SEEN,
        changed_at=now,
    )
    result, spool = ConversionResult(status=ConversionStatus.SUCCESS), Spool(Seal(lambda: b"key"))
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(os, "fsync", side_effect=full), pytest.raises(StorageError):
        spool.begin(config, arrival, result, now=now)
    assert list(spool.parked(config)) == [] and spool.is_empty(config)
    folder = spool.begin(config, arrival, result, now=now)
    link = os.link

    def no_link(source: Path, target: Path, **more: bool) -> None:
        if folder in target.parents:
            raise full
        link(source, target, **more)

    for _ in range(2):
        with mock.patch.object(os, "link", no_link), pytest.raises(StorageError):
            ending = Ending(state=ArrivalState.DONE, destination=Destination.DONE)
            spool.park(folder, config, arrival, ending)
    assert not spool.is_empty(config) and [each.folder for each in Spool(spool.seal).parked(config)] == [folder]
    assert (tmp_path / "a.log").read_bytes() == b"x"


def test_a_note_is_resumed_for_one_source_only(tmp_path: Path) -> None:
    """A source that takes the place of a parked one, as large and as old, is not sent as that one (4, 11)."""
    config = ConverterConfig.model_validate(
        {"name": "c", "module_path": "m.C", "watch_folder": str(tmp_path), "done_folder": str(tmp_path / "Done")}
    )
    now, path = datetime(2026, 2, 13, tzinfo=UTC), tmp_path / "a.log"
    path.write_bytes(b"first")
    arrival = Arrival(
        arrival_id=-1,
        converter_name="c",
        path=str(path),
        size_bytes=5,
        mtime_ns=path.stat().st_mtime_ns,
        first_seen_at=now,
        state=ArrivalState.SEEN,
        changed_at=now,
    )
    seal = Seal(lambda: b"key")
    folder = Spool(seal).begin(config, arrival, ConversionResult(status=ConversionStatus.SUCCESS), now=now)
    restarted = Spool(seal)
    resumed = restarted.resume(config, arrival)
    assert resumed and resumed[0] == folder
    restarted.park(folder, config, arrival, Ending(state=ArrivalState.DONE, destination=Destination.DONE))
    path.write_bytes(b"again")
    os.utime(path, ns=(arrival.mtime_ns, arrival.mtime_ns))
    assert restarted.resume(config, arrival) is None


@pytest.mark.parametrize("still_fails", [True, False])
def test_what_was_sent_is_not_sent_under_another_id_after_a_restart(
    station: Station, monkeypatch: pytest.MonkeyPatch, still_fails: bool
) -> None:
    """What was converted and sent, and could not be put aside before the service ended, keeps its report's id (4, 5)."""
    station.code(
        "import uuid\n"
        "class Draws(Any):\n"
        "    def outcome(self, source, context):\n"
        "        return ConverterResult.success_result(report=report('S1', id=str(uuid.uuid4())))\n"
    )
    watch, blocked = failing(station, module_path="own.Draws")
    (watch / "a.log").write_bytes(b"x")
    move_into, is_full = departing.move_into, [True]

    def full(folder: Path, path: Path, *, name: str | None = None) -> Path:
        if "not-archived" in folder.parts and is_full[0]:
            raise StorageError("no space left")
        return move_into(folder, path, name=name)

    monkeypatch.setattr(departing, "move_into", full)
    with station.serving():
        wait_for(lambda: station.server.received)

    is_full[0] = False
    if still_fails:
        station.run()
        assert len(put_aside(station)) == 1
    blocked.unlink()
    station.run()
    (report_id,) = station.server.received
    assert [report.report_id for report in station.details().reports] == [report_id]
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]
    assert station.names("on/Done") == ["a.log", "not-archived"] and station.names("on/Done/not-archived") == []


def test_a_new_configuration_does_not_forget_what_is_owed(station: Station) -> None:
    """A source whose report waits in memory when the configuration is read again is never said to have vanished (12)."""
    watch, blocked = failing(station)
    station.server.stop()
    with station.serving() as service:
        (watch / "a.log").write_bytes(b"first")
        wait_for(lambda: _waits_in_memory(service))
        lane = first_lane(service)
        station.sections[0]["max_retries"] = 7
        station.write_config()
        wait_for(lambda: first_lane(service) is not lane)
        station.server.start()
        wait_for(lambda: put_aside(station))
        time.sleep(2)
        assert [arrival.state.value for arrival in station.arrivals()] == ["seen"]
        blocked.unlink()
        wait_for(lambda: "a.log" in station.names("on/Done"))
    assert [arrival.state.value for arrival in station.arrivals()] == ["done"]


def test_each_converter_catches_up_with_its_own(station: Station) -> None:
    """Of two converters that share a Done folder, each archives what it converted itself."""
    station.code("class Other(Any):\n    name = property(lambda self: 'Other')\n")
    shared = {"done_folder": "Done", "on_archive_error": "continue"}
    first, second = station.add("first", **shared), station.add("second", "own.Other", **shared)
    station.run()
    blocked = block_today(station.archive_root)
    (first / "a.log").write_bytes(b"a")
    (second / "b.log").write_bytes(b"b")
    station.run()
    blocked.unlink()
    station.run()
    with station.archive() as archive:
        names = {restore_source(archive, e.archive_id, station.root / "back").name: e for e in station.entries()}
    assert {name: entry.converter_name for name, entry in names.items()} == {"a.log": "first", "b.log": "second"}


def in_done(station: Station, name: str) -> bool:
    return name in station.names("on/Done")


def _waits_in_memory(service: Service) -> bool:
    return service.parts is not None and service.parts.sending.outbox.state.only_in_memory > 0


def first_lane(service: Service) -> Lane:
    """Return the lane of the only converter."""
    assert service.parts
    return next(iter(service.parts.places.lanes))


def test_a_second_time_without_the_archive_is_like_the_first(station: Station) -> None:
    """What is converted when the archive is away again is sent and put aside, too (invariant 11)."""
    watch = station.add("on", on_archive_error="continue", settle_seconds=0)
    away = station.root / "elsewhere"
    with station.serving():
        for number in (1, 2):
            wait_for((station.archive_root / "archive.json").exists)
            (watch / f"before{number}.log").write_bytes(b"x")
            wait_for(partial(in_done, station, f"before{number}.log"))
            with capture_logs() as lines:
                station.archive_root.rename(away)
                wait_for_event(lines, "archive.sources_waiting")
            (watch / f"{number}.log").write_bytes(b"%d" % number)
            wait_for(lambda: put_aside(station))
            away.rename(station.archive_root)
            wait_for(partial(in_done, station, f"{number}.log"))
    assert len(station.server.received) == 4


def test_a_done_folder_that_cannot_be_read_stops_nobody(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is reported and the folder checked again; other sources are processed, and its own as far as possible."""
    for name in ("c", "other"):
        (station.add(name) / f"{name}.log").write_bytes(name.encode())
    unreadable = station.root / "c/Done/not-archived"
    unreadable.mkdir(parents=True)
    listing = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path == unreadable:
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    (left,) = station.run().waiting
    assert left.startswith(f"c: {unreadable}: cannot be read")
    assert station.names("other/Done") == ["other.log"]
    assert len(station.server.received) == 2
