"""A converter whose archive is switched off, or that is disabled: its unfinished work is still completed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import FOLDERS, Station, wait_for, wait_for_event

from pywats_archive import Client
from pywats_archive.archive.folder import layout
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.entry import ConversionStatus

TWICE = """
class Twice(Any):
    def outcome(self, source, context):
        if source.path.read_bytes() == b"later" and not (source.path.parents[2] / "ready").exists():
            return ConverterResult.suspended_result(reason='not yet', retry_after=timedelta(seconds=1))
        return super().outcome(source, context)
"""
RANDOM = """
import uuid
class Random(Any):
    def outcome(self, source, context):
        body = report(source.path.stem, id=str(uuid.uuid4()))
        return ConverterResult.success_result(report=body)
"""


def states(station: Station) -> dict[str, ArrivalState]:
    """Return what the ledger says of each name."""
    return {arrival.path.rpartition("/")[2]: arrival.state for arrival in station.arrivals()}


def leave_waiting(station: Station, *names: str) -> None:
    """Run the service without a server until these sources wait for it."""
    station.server.close()
    with station.serving():
        for name in names:
            (station.root / "c/watch" / name).write_bytes(name.encode())
        wait_for(lambda: states(station) == dict.fromkeys(names, ArrivalState.WAITING))


@pytest.mark.parametrize("post_action", ["move", "keep"])
@pytest.mark.parametrize("change", [{"archive_enabled": False}, {"archive_folder": "another"}])
def test_what_waits_for_the_server_is_sent_once_under_its_id(
    station: Station, post_action: str, change: dict[str, Any]
) -> None:
    """The source still lies in the watch folder: without its archive it would go out under a second id (invariant 4)."""
    station.add("c", post_action=post_action)
    leave_waiting(station, "a.log")
    station.server.start()
    station.sections[0] |= change
    (station.root / "c/watch/b.log").write_bytes(b"b")
    assert not station.run().waiting
    assert len(station.server.received) == 2
    assert station.entry().report_id in station.server.received
    assert states(station) == {"a.log": ArrivalState.DONE}
    assert station.names("c/watch" if post_action == "keep" else "c/Done") == ["a.log", "b.log"]


@pytest.mark.parametrize("post_action", ["move", "keep"])
def test_it_can_be_switched_off_while_the_service_runs(station: Station, post_action: str) -> None:
    """What was archived goes its way, what comes now goes without: nothing is sent twice, what is kept there neither."""
    watch = station.add("c", post_action=post_action)
    with capture_logs() as lines, station.serving():
        (watch / "kept.log").write_bytes(b"kept")
        wait_for(lambda: states(station) == {"kept.log": ArrivalState.DONE})
        station.server.close()
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: states(station).get("a.log") is ArrivalState.WAITING)
        station.sections[0]["archive_enabled"] = False
        station.write_config()
        (watch / "b.log").write_bytes(b"b")
        station.server.start()
        wait_for(lambda: len(station.server.received) == 3)
        wait_for(lambda: states(station)["a.log"] is ArrivalState.DONE)
        wait_for_event(lines, "config.reloaded")
        (watch / "c.log").write_bytes(b"c")
        wait_for(lambda: len(station.server.received) == 4)
    assert {entry.report_id for entry in station.entries()} < station.server.received.keys()
    assert "c.log" not in states(station)


def test_what_is_suspended_is_tried_again(station: Station) -> None:
    """It goes on as the entry that it is, whatever comes under its name meanwhile."""
    station.code(TWICE)
    watch = station.add("c", "own.Twice", max_retries=99)
    with station.serving():
        (watch / "a.log").write_bytes(b"later")
        wait_for(lambda: station.names("c/Pending") == ["a.log"])
        station.sections[0]["archive_enabled"] = False
        station.write_config()
        for _ in range(2):  # another source of that name, and one more
            (watch / "a.log").write_bytes(b"now")
            wait_for(lambda: station.names("c/watch") == [])
        (station.root / "ready").touch()
        wait_for(lambda: len(station.names("c/Done")) == 3)
        wait_for(lambda: {arrival.state for arrival in station.arrivals()} <= {ArrivalState.DONE, ArrivalState.SKIPPED})
    assert {entry.conversion_status for entry in station.entries()} == {ConversionStatus.SUCCESS}
    assert len(station.server.received) == 3


def test_reports_of_a_disabled_converter_are_sent(station: Station) -> None:
    """They were promised to the server, whatever becomes of the converter (invariant 4)."""
    station.add("c")
    leave_waiting(station, "a.log")
    station.server.start()
    station.sections[0]["enabled"] = False
    station.run()
    assert [*station.server.received] == [station.entry().report_id]
    station.sections[0]["enabled"] = True
    assert not station.run().waiting
    assert len(station.server.received) == 1
    assert station.names("c/Done") == ["a.log"]


def test_a_disabled_converter_with_an_archive_of_its_own_is_told(station: Station) -> None:
    """What waits in Pending waits for a person then."""
    station.code(TWICE)
    (station.add("c", "own.Twice", max_retries=99) / "a.log").write_bytes(b"later")
    with station.serving():
        wait_for(lambda: station.names("c/Pending") == ["a.log"])
        station.sections[0]["enabled"] = False
        station.write_config()
        wait_for(lambda: gone(station) == ["c"])
    with capture_logs() as lines, station.serving():
        wait_for_event(lines, "service.started")
        assert gone(station) == ["c"]


def gone(station: Station) -> list[str]:
    """Return the converters with the alert that they are gone."""
    with Client([station.archive_root]) as client:
        return [alert.subject for alert in client.status().alerts if alert.name == "converter.gone"]


@pytest.mark.parametrize("change", [{"archive_enabled": False}, {"archive_folder": "another"}])
def test_what_is_kept_in_the_watch_folder_is_not_sent_again(station: Station, change: dict[str, Any]) -> None:
    """Not at a restart either: its archive has it (invariant 4)."""
    (station.add("c", post_action="keep") / "a.log").write_bytes(b"a")
    station.run()
    station.sections[0] |= change
    for _ in range(2):
        station.run()
    assert [*station.server.received] == [station.entry().report_id]


def test_what_memory_holds_when_the_archive_is_switched_off_is_not_converted_again(station: Station) -> None:
    """Archive and server are away; what was converted meanwhile is sent once, and archived when the archive is back."""
    station.code(RANDOM)
    watch = station.add("c", "own.Random", on_archive_error="continue")
    with capture_logs() as lines, station.serving():
        wait_for((station.archive_root / layout.HEARTBEAT).exists)
        away = station.archive_root.rename(station.root / "away")
        wait_for_event(lines, "archive.sources_waiting")
        station.server.close()
        (watch / "a.log").write_bytes(b"a")
        wait_for_event(lines, "source.converted")
        station.sections[0]["archive_enabled"] = False
        station.write_config()
        wait_for_event(lines, "config.reloaded")
        time.sleep(1)
        station.server.start()
        wait_for(lambda: not station.names("c/watch"))
    away.rename(station.archive_root)
    assert not station.run().waiting
    assert len(station.server.received) == 1
    assert "a.log" in station.names("c/Done")
    assert len(station.entries()) == 1


def test_an_archive_that_goes_away_meanwhile_holds_up_only_its_own(station: Station) -> None:
    """What it has in hand waits for it, unconverted; what comes goes its way."""
    watch = station.add("c")
    leave_waiting(station, "a.log")
    station.sections[0]["archive_enabled"] = False
    with station.serving():
        wait_for((station.archive_root / layout.HEARTBEAT).exists)
        station.archive_root.rename(station.root / "away")
        station.server.start()
        (watch / "b.log").write_bytes(b"b")
        wait_for(lambda: station.names("c/Done") == ["b.log"])
        time.sleep(2)
        assert len(station.server.received) == 1
        assert station.names("c/watch") == ["a.log"]
        (station.root / "away").rename(station.archive_root)
        wait_for(lambda: station.names("c/Done") == ["a.log", "b.log"])
    assert len(station.server.received) == 2
    assert station.entry().report_id in station.server.received


def test_a_folder_that_waits_is_known_as_well(station: Station) -> None:
    """The same for a converter of folders."""
    station.code(FOLDERS)
    folder = station.add("c", "own.Folders", converter_type="folder") / "unit"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"a")
    (folder / "COMPLETE.marker").touch()
    station.server.close()
    with station.serving():
        wait_for(lambda: list(states(station).values()) == [ArrivalState.WAITING])
    station.server.start()
    station.sections[0]["archive_enabled"] = False
    assert not station.run().waiting
    assert [*station.server.received] == [station.entry().report_id]
    assert station.names("c/Done") == ["unit"]


def test_what_was_archived_is_found_by_the_configuration(station: Station) -> None:
    """An archive that was switched off has its entries all the same."""
    (station.add("c") / "a.log").write_bytes(b"a")
    station.run()
    station.sections[0]["archive_enabled"] = False
    with Client.from_config(station.write_config()) as client:
        assert len(client.where_is("a.log").arrivals) == 1


def test_what_was_only_seen_goes_on_without_the_archive(station: Station) -> None:
    """A full disk is a reason to switch the archive off: what waits for it is converted then, and the ledger says so."""
    watch = station.add("c", min_free_gb=10**6)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: states(station) == {"a.log": ArrivalState.SEEN})
    station.sections[0]["archive_enabled"] = False
    assert not station.run().waiting
    assert station.names("c/Done") == ["a.log"]
    (arrival,) = station.arrivals()
    assert (arrival.state, arrival.moved_to) == (ArrivalState.SKIPPED, "without this archive")
    assert "no longer lists this archive" in (arrival.reason or "")
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def test_a_copied_configuration_leaves_the_archive_of_its_original_alone(station: Station, tmp_path: Path) -> None:
    """It knows that archive too, but its sources came from another watch folder: an alert is all that happens."""
    station.add("c")
    leave_waiting(station, "a.log")
    with Station(tmp_path / "copy") as copy:
        shutil.copytree(station.root / "c", copy.root / "c")
        shutil.copy(station.root / "pywats-archive.json", copy.root)
        copy.sections = station.sections
        (told,) = copy.run().waiting
        assert told.startswith(f"{station.archive_root}: 1 source(s) and 1 report(s) wait")
        assert len(copy.server.received) == 1
        assert {arrival.path for arrival in copy.arrivals()} == {str(copy.root / "c/watch/a.log")}
    assert states(station) == {"a.log": ArrivalState.WAITING}


def test_an_archive_that_was_moved_is_not_missed_where_it_was(station: Station) -> None:
    """It is the converter's own, under its new name."""
    station.add("c")
    leave_waiting(station, "a.log")
    station.server.start()
    station.archive_root = station.archive_root.rename(station.root / "moved")
    station.sections[0]["archive_folder"] = "moved"
    with capture_logs() as lines:
        assert not station.run().waiting
    assert "archive.skipped" not in {line["event"] for line in lines}
    assert [*station.server.received] == [station.entry().report_id]
