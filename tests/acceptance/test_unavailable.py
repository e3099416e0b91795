"""A converter whose code cannot be loaded: its sources wait, whole and where they are, and go on by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from tests.captured import capture_logs
from tests.station import FOLDERS, Station, wait_for, wait_for_event

from pywats_archive import Client
from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.worker import entry as worker
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline.lanes import converter
from pywats_archive.pipeline.processing.converter_calls import ConverterCalls

SCHEDULED = """
from pywats_client.converters.scheduled_converter import ScheduledConverter
class Often(ScheduledConverter):
    name = property(lambda self: "Often")
    schedule_interval = property(lambda self: timedelta(seconds=1))
    async def run(self, context):
        body = {k: v for k, v in report("S1").items() if v is not None}
        return [ConverterResult.success_result(report=body)]
"""

BESIDE = """
class Beside(Any):
    def outcome(self, source, context):
        found = report((source.path.parent / "sn.config").read_text(), misc=source.path.name)
        return ConverterResult.success_result(report={k: v for k, v in found.items() if v is not None})
"""


@pytest.mark.parametrize("archive_enabled", [True, False])
def test_a_wrong_module_path_lets_its_sources_wait(station: Station, archive_enabled: bool) -> None:
    """A mistake in the configuration is no fault of the files: none goes to Error, other converters go on."""
    watch = station.add("lost", "own.Nothing", archive_enabled=archive_enabled)
    (watch / "a.log").write_bytes(b"x")
    (station.add("good") / "b.log").write_bytes(b"x")
    (told,) = station.run().waiting
    assert told.startswith("lost: 1 source(s) wait to be converted: module_path 'own.Nothing'")
    assert station.names("lost/watch") == ["a.log"]
    assert station.names("good/Done") == ["b.log"]
    with Client([station.archive_root]) as client:
        alerts = [(alert.name, alert.subject) for alert in client.status().alerts]
    stopped = [("service.not_running", str(station.archive_root))] if archive_enabled else []
    assert alerts == [("converter.unavailable", "lost"), *stopped]
    station.sections[0]["module_path"] = "own.Any"
    assert not station.run().waiting
    assert station.names("lost/Done") == ["a.log"]
    assert len(station.server.received) == 2


@pytest.mark.parametrize("archive_enabled", [True, False])
def test_code_that_breaks_while_the_service_runs_is_waited_for(
    station: Station, archive_enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No source fails for it; once the code is right again they are converted, without a restart."""
    monkeypatch.setattr(converter, "RETRY_EVERY_S", 0.5)
    watch = station.add("c", archive_enabled=archive_enabled)
    station.add("other")
    with station.serving():
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: station.names("c/Done") == ["a.log"])
        (station.root / "converters" / "own.py").write_text("this is no Python\n")
        for name in ("b.log", "c.log"):
            (watch / name).write_bytes(name.encode())
        wait_for(lambda: station_alerts(station) == ["c"])
        assert station.names("c/watch") == ["b.log", "c.log"]
        station.code("")
        wait_for(lambda: station.names("c/Done") == ["a.log", "b.log", "c.log"])
        wait_for(lambda: station_alerts(station) == [])
    assert len(station.server.received) == 3
    assert {entry.conversion_status for entry in station.entries()} <= {ConversionStatus.SUCCESS}


def test_a_scheduled_converter_that_breaks_runs_again_once_it_can(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its missed run is no result that failed: it is made up for when the code is right again."""
    monkeypatch.setattr(converter, "RETRY_EVERY_S", 0.5)
    station.code(SCHEDULED)
    station.add("often", "own.Often", converter_type="scheduled", schedule_interval_seconds=1)
    with station.serving():
        wait_for(station.entries)
        (station.root / "converters" / "own.py").write_text("this is no Python\n")
        wait_for(lambda: station_alerts(station) == ["often"])
        before = len(station.entries())
        station.code(SCHEDULED)
        wait_for(lambda: len(station.entries()) > before)
    assert {entry.conversion_status for entry in station.entries()} == {ConversionStatus.SUCCESS}


def test_what_it_says_holds_no_secret(station: Station) -> None:
    """A constructor may repeat what it was given; the alert is put on record without it (invariant 10)."""
    station.code(
        "class Tells(Any):\n"
        "    def __init__(self, password='', **more):\n"
        "        raise RuntimeError(f'cannot log in with {password}')\n"
    )
    station.add("tells", "own.Tells", arguments={"password": "hunter2hunter2"})
    station.run()
    with station.archive() as archive, archive.read() as db:
        told = str(db.exec_driver_sql("SELECT details FROM events").scalars().all())
    assert "cannot log in with" in told
    assert "hunter2" not in told


def test_what_its_patterns_do_not_match_is_left_once_it_says_so(station: Station) -> None:
    """Its code says which files are its own; others that were entered before no longer count as waiting (invariant 12)."""
    watch = station.add("c", "own.Picky")
    for name in ("a.log", "notes.txt"):
        (watch / name).write_bytes(b"x")
    station.run()
    assert {a.state for a in station.arrivals()} == {ArrivalState.SEEN}
    station.code("class Picky(Any):\n    file_patterns = property(lambda self: ['*.log'])\n")
    for _ in range(2):
        assert not station.run().waiting
    assert {Path(a.path).name: a.state for a in station.arrivals()} == {
        "a.log": ArrivalState.DONE,
        "notes.txt": ArrivalState.SKIPPED,
    }
    assert station.names("c/watch") == ["notes.txt"]
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def test_a_constructor_that_raises_lets_its_sources_wait(station: Station) -> None:
    """It knows nothing of the source, which is not to fail for it, whether it raised at the start or does so now."""
    station.code(
        "class Licensed(Any):\n"
        "    def __init__(self):\n"
        "        if not (Path(__file__).parents[1] / 'licence').exists():\n"
        "            raise RuntimeError('no licence')\n"
        "from pathlib import Path\n"
    )
    watch = station.add("c", "own.Licensed")
    (station.root / "licence").touch()
    with station.serving():
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: station.names("c/Done") == ["a.log"])
        (station.root / "licence").unlink()
        (watch / "b.log").write_bytes(b"b")
        wait_for(lambda: station_alerts(station, "converter.unavailable") == ["c"])
    told = station.run().waiting
    assert all("Licensed cannot be created (RuntimeError: no licence)" in line for line in told), told
    assert told
    assert station.names("c/watch") == ["b.log"]
    (station.root / "licence").touch()
    assert not station.run().waiting
    assert station.names("c/Done") == ["a.log", "b.log"]


def test_code_that_hangs_when_it_is_loaded_keeps_nobody_else_waiting(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start goes on after a while, and the only process is not given to it over and over."""
    monkeypatch.setattr(worker, "DESCRIBED_WITHIN_S", 1.5)
    (station.root / "converters" / "hangs.py").write_text("import time; time.sleep(600)")
    (station.add("hangs", "hangs.Any", priority=1) / "a.log").write_bytes(b"a")
    watch = station.add("c")
    with station.serving():
        for number in range(3):
            (watch / f"{number}.log").write_bytes(b"b")
            wait_for(lambda number=number: len(station.names("c/Done")) == number + 1)  # type: ignore[misc]
    assert station_alerts(station, "converter.unavailable") == ["hangs"]
    assert station.names("hangs/watch") == ["a.log"]


def test_sources_of_a_converter_that_is_gone_are_told(station: Station) -> None:
    """Sources of a converter that is no longer in the configuration are an alert, until it is back (invariant 12)."""
    station.code(
        "class RetryLater(Any):\n"
        "    def outcome(self, source, context):\n"
        "        return ConverterResult.suspended_result(reason='not yet', retry_after=timedelta(hours=1))\n"
    )
    (station.add("old", "own.RetryLater", max_retries=99) / "a.log").write_bytes(b"x")
    with station.serving():
        wait_for(lambda: station.names("old/Pending") == ["a.log"])
    before = station.sections.pop()
    station.add("new", "own.RetryLater")
    assert [line[:8] for line in station.run().waiting] == ["old: 1 s"]
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "service.started")
        assert station_alerts(station, "converter.gone") == ["old"]
        station.sections = [before]
        station.write_config()
        wait_for(lambda: station_alerts(station, "converter.gone") == [])


def test_a_folder_is_not_taken_as_complete_because_nobody_can_judge_it_now(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is complete its converter says, once its code can be loaded again."""
    monkeypatch.setattr(converter, "RETRY_EVERY_S", 0.5)
    station.code(FOLDERS)
    station.add("other")
    folder = station.add("c", "own.Folders", converter_type="folder") / "unit"
    with station.serving():
        folder.mkdir()
        (folder / "step1.txt").write_text("1")
        wait_for(station.arrivals)
        (station.root / "converters" / "own.py").write_text("this is no Python\n")
        wait_for(lambda: "c" in station_alerts(station))
        station.code(FOLDERS)
        wait_for(lambda: station_alerts(station) == [])
        assert station.entries() == ()
        (folder / "COMPLETE.marker").touch()
        wait_for(lambda: station.names("c/Done") == ["unit"])
    assert len(station.server.received) == 1


def test_a_folder_that_changes_while_it_waits_is_converted_as_it_was_archived(station: Station) -> None:
    """The content of the report is in the archive (invariant 1)."""
    folder = station.add("c", "own.Folders", converter_type="folder") / "unit"
    leave_archived(station, lambda: make_unit(folder), code=FOLDERS)
    (folder / "a.txt").write_text("NEWER")
    with station.serving():
        wait_for(lambda: station.names("c/Done") == ["unit"])
    assert told(station) == [("unit", "a.txt=OLD")]


def test_a_companion_that_changes_while_its_source_waits_is_that_of_the_archive(station: Station) -> None:
    """The next unit's serial number is not this one's (invariant 1)."""
    watch = station.add("c", "own.Beside", archive_companions=["sn.config"], file_patterns=["*.log"])

    def drop() -> None:
        (watch / "sn.config").write_text("SN0001")
        (watch / "unit1.log").write_text("unit one")

    leave_archived(station, drop, code=BESIDE)
    (watch / "sn.config").write_text("SN0002")
    with station.serving():
        wait_for(lambda: station.names("c/Done") == ["unit1.log"])
    assert told(station) == [("SN0001", "unit1.log")]


def make_unit(folder: Path) -> None:
    """Make a folder source that is complete."""
    folder.mkdir()
    (folder / "a.txt").write_text("OLD")
    (folder / "COMPLETE.marker").touch()


def leave_archived(station: Station, drop: Callable[[], None], *, code: str) -> None:
    """Have a source archived, and its service ended before it was converted; the code is right afterwards."""
    station.code(code)
    with mock.patch.object(ConverterCalls, "convert", side_effect=ConverterUnavailable("not now")):
        drop()
        with station.serving():
            wait_for(station.entries)
            wait_for(lambda: [a.state for a in station.arrivals()] == [ArrivalState.CONVERTING])
            time.sleep(0.5)


def told(station: Station) -> list[tuple[str, str]]:
    """Return the serial number and the remark of each report at the server."""
    bodies = [json.loads(body) for bodies in station.server.received.values() for body in bodies]
    return [(body["sn"], body["misc"]) for body in bodies]


def test_it_is_told_and_looked_at_while_the_archive_is_away(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes is converted with 'continue', once the code can be loaded again."""
    monkeypatch.setattr(converter, "RETRY_EVERY_S", 0.5)
    watch = station.add("c", on_archive_error="continue")
    station.run()
    elsewhere = station.archive_root.rename(station.root / "elsewhere")
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "archive.sources_waiting")  # what lies there at first is left to the ledger
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: len(station.server.received) == 1)
        (station.root / "converters" / "own.py").write_text("this is no Python\n")
        (watch / "b.log").write_bytes(b"b")
        time.sleep(3)
        station.code("")
        wait_for(lambda: len(station.server.received) == 2)
        elsewhere.rename(station.archive_root)
        wait_for(lambda: {"a.log", "b.log"} <= set(station.names("c/Done")))


def station_alerts(station: Station, name: str = "converter.unavailable") -> list[str]:
    """Return the converters with this alert."""
    with Client([station.archive_root]) as client:
        return [alert.subject for alert in client.status().alerts if alert.name == name]
