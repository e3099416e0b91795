"""A converter that gets another name: sources that an archive has under the old name are finished, and sent once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.acceptance.test_switched_off import RANDOM, TWICE, gone, leave_waiting, states
from tests.captured import capture_logs
from tests.station import Station, wait_for, wait_for_event

from pywats_archive import Client
from pywats_archive.models.arrival import ArrivalState


def rename(station: Station) -> None:
    """Rename the converter while the service runs, and wait until that is taken."""
    with capture_logs() as lines:
        station.sections[0]["name"] = "renamed"
        station.write_config()
        wait_for_event(lines, "config.reloaded")


@pytest.mark.parametrize("post_action", ["move", "keep"])
@pytest.mark.parametrize("change", [{}, {"archive_folder": "another"}, {"archive_enabled": False}])
def test_what_waits_for_the_server_is_sent_once_under_its_id(
    station: Station, post_action: str, change: dict[str, Any]
) -> None:
    """Its source still lies in the watch folder, where the new name finds it (invariant 4)."""
    station.code(RANDOM)
    station.add("c", "own.Random", post_action=post_action)
    leave_waiting(station, "a.log")
    station.server.start()
    station.sections[0] |= {"name": "renamed", **change}
    (station.root / "c/watch/b.log").write_bytes(b"b")
    assert not station.run().waiting
    assert len(station.server.received) == 2
    assert {e.report_id for e in station.entries(converter_name="c")} < station.server.received.keys()
    assert states(station)["a.log"] is ArrivalState.DONE
    assert station.names("c/watch" if post_action == "keep" else "c/Done") == ["a.log", "b.log"]
    assert gone(station) == []


def test_it_can_be_renamed_while_the_service_runs(station: Station) -> None:
    """What is kept there is not sent again, what waits goes out once, what comes now has the new name."""
    station.code(RANDOM)
    watch = station.add("c", "own.Random", post_action="keep")
    with station.serving():
        (watch / "kept.log").write_bytes(b"kept")
        wait_for(lambda: states(station) == {"kept.log": ArrivalState.DONE})
        station.server.close()
        (watch / "a.log").write_bytes(b"a")
        wait_for(lambda: states(station).get("a.log") is ArrivalState.WAITING)
        rename(station)
        (watch / "b.log").write_bytes(b"b")
        station.server.start()
        wait_for(lambda: [*states(station).values()] == [ArrivalState.DONE] * 3)
    assert len(station.server.received) == 3
    station.run()
    assert len(station.server.received) == 3
    assert [entry.converter_name for entry in station.entries()] == ["c", "c", "renamed"]


def test_it_can_be_renamed_while_its_archive_is_away(station: Station) -> None:
    """The archive is asked when it is back, before anything is taken that lies there (invariant 4)."""
    station.code(RANDOM)
    watch = station.add("c", "own.Random")
    leave_waiting(station, "a.log")
    station.sections[0]["name"] = "renamed"
    away = station.archive_root.rename(station.root / "away")
    station.server.start()
    with station.serving():
        (watch / "b.log").write_bytes(b"b")
        time.sleep(2)
        assert not station.server.received
        away.rename(station.archive_root)
        wait_for(lambda: station.names("c/Done") == ["a.log", "b.log"])
    assert {entry.report_id for entry in station.entries()} == station.server.received.keys()
    assert [entry.converter_name for entry in station.entries()] == ["c", "renamed"]


def test_what_is_suspended_is_tried_again(station: Station) -> None:
    """It waits in Pending, and is looked for there under its old name."""
    station.code(TWICE)
    watch = station.add("c", "own.Twice", max_retries=99)
    with station.serving():
        (watch / "a.log").write_bytes(b"later")
        wait_for(lambda: station.names("c/Pending") == ["a.log"])
        rename(station)
        (station.root / "ready").touch()
        wait_for(lambda: station.names("c/Done") == ["a.log"])
    assert len(station.server.received) == 1
    assert station.entry().converter_name == "c"


def test_what_was_only_seen_goes_on_under_the_new_name(station: Station) -> None:
    """The ledger says so of the old one (invariant 12)."""
    watch = station.add("c", min_free_gb=10**6)
    (watch / "a.log").write_bytes(b"a")
    with station.serving():
        wait_for(lambda: states(station) == {"a.log": ArrivalState.SEEN})
    station.sections[0] |= {"name": "renamed", "min_free_gb": 0}
    assert not station.run().waiting
    assert station.names("c/Done") == ["a.log"]
    before, now = station.arrivals()
    assert (before.state, before.moved_to) == (ArrivalState.SKIPPED, "under another name")
    assert (now.state, now.converter_name) == (ArrivalState.DONE, "renamed")
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def test_of_two_that_watch_its_folder_neither_takes_what_it_left(station: Station) -> None:
    """Which of them it was is unknown: its report is sent, its source waits, and that is an alert."""
    station.add("c")
    leave_waiting(station, "a.log")
    station.server.start()
    station.sections[0]["name"] = "one"
    station.sections.append({**station.sections[0], "name": "two", "file_patterns": ["*.txt"]})
    (waiting,) = station.run().waiting
    assert waiting.startswith("c: 1 source(s) wait")
    assert len(station.server.received) == 1
    assert gone(station) == ["c"]
    assert station.names("c/watch") == ["a.log"]
    assert {entry.converter_name for entry in station.entries()} == {"c"}
