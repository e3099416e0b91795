"""Ways to lose, double or block a source that were found once, and must stay closed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tests.station import Station, block_today, wait_for

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import StorageError
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.portable import files


def test_another_source_of_the_same_size_and_time_is_not_removed(station: Station) -> None:
    """What replaced a source while it waited for the server is archived too, even when it looks the same (invariant 2)."""
    watch = station.add("same", post_action="delete")
    (watch / "a.log").write_bytes(b"AAA")
    station.write_config()
    station.server.stop()
    with station.serving():
        wait_for(lambda: station.entries(status=ConversionStatus.SUCCESS))
        before = (watch / "a.log").stat()
        (watch / "a.log").write_bytes(b"BBB")
        os.utime(watch / "a.log", ns=(before.st_atime_ns, before.st_mtime_ns))
        station.server.start()
        wait_for(lambda: len(station.entries()) == 2 and not station.names("same/watch"))
    with station.archive() as archive:
        back = {restore_source(archive, e.archive_id, station.root / "back").read_bytes() for e in station.entries()}
    assert back == {b"AAA", b"BBB"}


def test_a_source_that_vanished_and_came_back_is_taken(station: Station) -> None:
    """A file that was away for a moment is a new arrival (invariant 12)."""
    watch = station.add("blink", settle_seconds=1)
    with station.serving():
        (watch / "a.log").write_bytes(b"x")
        wait_for(station.arrivals)
        (watch / "a.log").rename(station.root / "a.log")
        wait_for(lambda: station.arrivals()[0].state.value == "vanished")
        (station.root / "a.log").rename(watch / "a.log")
        wait_for(lambda: station.names("blink/Done") == ["a.log"])
    assert [arrival.state.value for arrival in station.arrivals()] == ["vanished", "done"]


def test_a_new_source_under_the_name_of_a_suspended_one_goes_through(station: Station) -> None:
    """Neither blocks the other."""
    station.code(
        "class Twice(Any):\n"
        "    def outcome(self, source, context):\n"
        "        if source.path.read_bytes() == b'first' and not os.path.exists(context.done_folder / 'go'):\n"
        "            return ConverterResult.suspended_result('not yet', retry_after=timedelta(seconds=1))\n"
        "        return super().outcome(source, context)\n"
    )
    watch = station.add("twice", "own.Twice", max_retries=100)
    with station.serving():
        (watch / "a.log").write_bytes(b"first")
        wait_for(lambda: station.names("twice/Pending") == ["a.log"])
        (watch / "a.log").write_bytes(b"second")
        wait_for(lambda: "a.log" in station.names("twice/Done"))
        (station.root / "twice/Done/go").touch()
        wait_for(lambda: station.names("twice/Done") == ["a.log", "a_2.log", "go"])
    assert station.names("twice/Pending") == [] and station.names("twice/watch") == []


def test_an_interrupt_in_a_converter_stops_nothing(station: Station) -> None:
    """KeyboardInterrupt fails its own file, however many there are."""
    station.code("class Stops(Any):\n    def outcome(self, source, context):\n        raise KeyboardInterrupt\n")
    bad, good = station.add("bad", "own.Stops"), station.add("good")
    for number in range(8):
        (bad / f"{number}.log").write_bytes(b"x")
    (good / "a.log").write_bytes(b"x")
    station.run()
    assert len(station.names("bad/Error")) == 8 and station.names("good/Done") == ["a.log"]


def test_owed_sources_do_not_replace_each_other(station: Station) -> None:
    """Sources named like each other's notes are all kept and archived later (invariants 3, 11)."""
    watch = station.add("owed", on_archive_error="continue")
    station.run()
    for name in ("a.csv", "note.json", "a.csv.conversion.json"):
        (watch / name).write_bytes(name.encode())
    blocked = block_today(station.archive_root)
    station.run()
    notes = list((station.root / "owed/Done/not-archived").glob("*/note.json"))
    notes[0].write_bytes(b"")
    blocked.unlink()
    station.run()
    assert station.names("owed/Done") == ["a.csv", "a.csv.conversion.json", "not-archived", "note.json"]
    with station.archive() as archive:
        back = {restore_source(archive, e.archive_id, station.root / "back").read_bytes() for e in station.entries()}
    assert back == {b"a.csv", b"note.json", b"a.csv.conversion.json"}


def test_several_reports_finish_their_source_once(station: Station) -> None:
    """Four reports settled at the same moment move their source once (invariant 3)."""
    station.code(
        "class Four(Any):\n"
        "    def outcome(self, source, context):\n"
        "        bodies = [{k: v for k, v in report(f'{source.path.stem}-{n}').items() if v is not None} for n in range(4)]\n"
        "        return ConverterResult.success_result(reports=bodies)\n"
    )
    watch = station.add("four", "own.Four")
    for number in range(40):
        (watch / f"{number}.log").write_bytes(b"x%d" % number)
    station.run()
    assert len(station.names("four/Done")) == 40
    assert len(station.server.received) == 160
    with station.archive() as archive:
        accepted = [e.kind for entry in station.entries() for e in archive.details(entry.archive_id).events]
    assert accepted.count("report.accepted") == 160


def test_a_scheduled_result_waits_for_its_archive(station: Station) -> None:
    """What a scheduled converter gave is kept while the archive fails, and sent later (invariant 11)."""
    station.code(
        "from pywats_client.converters.scheduled_converter import ScheduledConverter\n"
        "class Once(ScheduledConverter):\n"
        "    name = property(lambda self: 'Once')\n"
        "    schedule_interval = property(lambda self: timedelta(seconds=3600))\n"
        "    async def run(self, context):\n"
        "        body = {k: v for k, v in report('S1').items() if v is not None}\n"
        "        return [ConverterResult.success_result(report=body)]\n"
    )
    station.add("once", "own.Once", converter_type="scheduled", run_on_startup=True)
    Archive.open(station.archive_root, create=True).close()
    blocked = block_today(station.archive_root)
    with station.serving():
        time.sleep(3)
        assert station.server.received == {}
        blocked.unlink()
        wait_for(lambda: len(station.server.received) == 1)
        wait_for(lambda: [arrival.state.value for arrival in station.arrivals()] == ["done"])


def test_a_scheduled_result_that_was_archived_is_not_archived_again(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the archive fails after a result is an entry, the next try goes on with that entry (invariant 5)."""
    station.code(
        "from pywats_client.converters.scheduled_converter import ScheduledConverter\n"
        "class Once(ScheduledConverter):\n"
        "    name = property(lambda self: 'Once')\n"
        "    schedule_interval = property(lambda self: timedelta(seconds=3600))\n"
        "    async def run(self, context):\n"
        "        body = {k: v for k, v in report('S1').items() if v is not None}\n"
        "        return [ConverterResult.success_result(report=body)]\n"
    )
    station.add("once", "own.Once", converter_type="scheduled", run_on_startup=True)
    record, failures = ArchiveInterceptor.post_convert, [3]

    def fail_at_first(interceptor: ArchiveInterceptor, *told: Any, **more: Any) -> Any:
        failures[0] -= 1
        if failures[0] >= 0:
            raise StorageError("gone for a moment")
        return record(interceptor, *told, **more)

    monkeypatch.setattr(ArchiveInterceptor, "post_convert", fail_at_first)
    with station.serving():
        wait_for(lambda: len(station.server.received) == 1)
        wait_for(lambda: [arrival.state.value for arrival in station.arrivals()] == ["done"])
    assert failures[0] < 0 and len(station.entries()) == 1


def test_a_scheduled_result_that_a_crash_took_has_vanished(station: Station) -> None:
    """A result that was entered and was only in memory is recorded as vanished by the next start (12)."""
    station.add("never", "own.Any", converter_type="scheduled", schedule_interval_seconds=3600)
    with Archive.open(station.archive_root, create=True, own=True) as archive:
        ledger.enter(archive, "never", [ledger.Sighting(path="scheduled/never-1.json", size_bytes=1, mtime_ns=1)])
    station.run()
    assert [arrival.state.value for arrival in station.arrivals()] == ["vanished"]


def test_a_scheduled_converter_does_not_keep_a_run_from_ending(station: Station) -> None:
    """``--until-idle`` ends with a scheduled converter in the configuration."""
    station.add("never", "own.Any", converter_type="scheduled", schedule_interval_seconds=3600)
    assert station.run().waiting == ()


def test_a_converter_that_touches_its_input_is_converted_once(station: Station) -> None:
    """A source whose time the converter changes is one entry with one report."""
    station.code(
        "class Touches(Any):\n"
        "    def outcome(self, source, context):\n"
        "        os.utime(source.path)\n"
        "        return super().outcome(source, context)\n"
    )
    (station.add("touch", "own.Touches") / "a.log").write_bytes(b"x")
    station.run()
    assert len(station.entries()) == 1
    assert station.names("touch/Done") == ["a.log"]


def test_a_zip_of_any_name(station: Station) -> None:
    """ZIP copes with names of 255 bytes and names that are no text."""
    watch = station.add("zip", post_action="zip")
    for name in ("L" * 251 + ".log", os.fsdecode(b"\xff.log")):
        (watch / name).write_bytes(b"x")
    assert station.run().waiting == ()
    assert len(station.names("zip/Done")) == 2 and station.names("zip/watch") == []


def test_a_source_that_cannot_leave_is_not_copied_again_and_again(tmp_path: Path) -> None:
    """When the old name cannot be removed, the new one goes again (invariant 3)."""
    (tmp_path / "a").write_bytes(b"x")
    real = os.unlink

    def refused(path: str | Path) -> None:
        if Path(path).name == "a":
            raise PermissionError(13, "no right to delete here")
        real(path)

    with mock.patch.object(os, "unlink", refused), pytest.raises(PermissionError):
        files.rename_exclusive(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_second_conversion_with_a_new_random_id_is_sent_under_the_first(station: Station) -> None:
    """What is sent is the archived document, under the id the report was given once (invariant 4)."""
    station.code(
        "import uuid\n"
        "class Draws(Any):\n"
        "    def outcome(self, source, context):\n"
        "        return ConverterResult.success_result(report=report('S1', id=str(uuid.uuid4())))\n"
    )
    watch = station.add("draws", "own.Draws")
    (watch / "a.log").write_bytes(b"x")
    station.run()
    (station.root / "draws/Done/a.log").rename(watch / "a.log")
    station.run()
    reports = station.details().reports
    assert len(reports) == 2 and len({report.report_id for report in reports}) == 1
    assert list(station.server.received) == [reports[0].report_id]
    assert len(station.server.received[reports[0].report_id]) == 2
