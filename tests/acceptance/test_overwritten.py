"""One name for many units: a source that is overwritten, replaced or touched while its reports wait is recognized, and kept."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import Station, block_today, wait_for

from pywats_archive.archive.sources import leaving

SLOW = """
class Slow(Any):
    def outcome(self, source, context):
        body = report(source.path.read_text())
        while os.path.exists(HOLD):
            time.sleep(0.05)
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
class Reads(Any):
    def outcome(self, source, context):
        body = report(source.path.read_text())
        return ConverterResult.success_result(report={k: v for k, v in body.items() if v is not None})
"""


def overwrite(path: Path, text: str, how: str) -> None:
    """Write another unit's log under the same name."""
    if how == "in place":
        path.write_text(text)
        return
    other = path.parent.parent / "other.tmp"
    other.write_text(text)
    other.replace(path)


def units(station: Station) -> list[str]:
    """Return the serial numbers that the server has, each as often as it was sent under an id of its own."""
    return sorted(json.loads(bodies[0])["sn"] for bodies in station.server.received.values())


def wait_for_entries(station: Station, number: int) -> None:
    """Wait until so many sources are archived."""
    wait_for(lambda: len(station.entries()) == number)


def wait_for_conversions(lines: list[Any], number: int) -> None:
    """Wait until so many sources were converted."""
    wait_for(lambda: sum(line["event"] == "source.converted" for line in lines) >= number)


def serving_reads(station: Station, **keys: Any) -> Path:
    """Add a converter whose report contains what it read; returns the path of its one log."""
    station.code(SLOW.replace("HOLD", repr(str(station.root / "hold"))))
    return station.add("fixed", "own.Reads", file_patterns=["*.log"], settle_seconds=0.2, **keys) / "result.log"


@pytest.mark.parametrize("how", ["in place", "renamed"])
@pytest.mark.parametrize("post_action", ["move", "delete", "keep", "zip"])
def test_each_unit_is_archived_at_once_while_the_server_is_away(station: Station, how: str, post_action: str) -> None:
    """What comes under a name whose reports wait is a source of its own, and each unit is sent once (invariants 2, 4, 12)."""
    log = serving_reads(station, post_action=post_action)
    station.server.stop()
    with station.serving():
        for n in range(3):
            overwrite(log, f"UNIT{n}", how)
            wait_for_entries(station, n + 1)
        station.server.start()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done"] * 3)
    assert units(station) == ["UNIT0", "UNIT1", "UNIT2"]
    assert log.exists() == (post_action == "keep")
    assert {a.moved_to for a in station.arrivals()[:2]} <= {"replaced", "gone"}


@pytest.mark.parametrize("how", ["in place", "renamed"])
def test_a_unit_that_comes_while_the_former_one_is_converted_is_archived_at_once(station: Station, how: str) -> None:
    """A conversion that takes long keeps nobody's source waiting, and gives the report of its own unit (invariants 1, 4)."""
    station.code(SLOW.replace("HOLD", repr(str(station.root / "hold"))))
    log = station.add("fixed", "own.Slow", file_patterns=["*.log"], settle_seconds=0.2) / "result.log"
    (station.root / "hold").touch()
    with station.serving():
        overwrite(log, "UNIT0", how)
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["converting"])
        overwrite(log, "UNIT1", how)
        wait_for(lambda: len(station.entries()) == 2)
        (station.root / "hold").unlink()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done", "done"])
    assert units(station) == ["UNIT0", "UNIT1"]


def test_units_that_wait_go_on_at_the_next_start(station: Station) -> None:
    """Several sources of one path, none of them at its end, are all brought to it by the next run (invariant 5)."""
    log = serving_reads(station)
    station.server.stop()
    with station.serving():
        for n in range(3):
            overwrite(log, f"UNIT{n}", "in place")
            wait_for_entries(station, n + 1)
    overwrite(log, "UNIT3", "in place")
    station.server.start()
    station.run()
    assert units(station) == ["UNIT0", "UNIT1", "UNIT2", "UNIT3"]
    assert [a.state.value for a in station.arrivals()] == ["done"] * 4


@pytest.mark.parametrize("keys", [{}, {"post_action": "keep"}, {"post_action": "delete"}], ids=str)
@pytest.mark.parametrize("how", ["in place", "renamed"])
def test_one_of_the_same_length_and_time_is_another_unit_all_the_same(
    station: Station, how: str, keys: dict[str, Any]
) -> None:
    """A unit whose log is as long and as old as the former one's is archived and converted (invariants 2, 12)."""
    log = serving_reads(station, **keys)
    station.server.stop()
    with station.serving():
        log.write_text("UNIT0")
        os.utime(log, ns=(10**18, 10**18))
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["waiting for the server"])
        other = station.root / "other.tmp"
        other.write_text("UNIT1")
        os.utime(other, ns=(10**18, 10**18))
        if how == "renamed":
            other.replace(log)
        else:
            log.write_text("UNIT1")
            os.utime(log, ns=(10**18, 10**18))
        station.server.start()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done", "done"])
    assert units(station) == ["UNIT0", "UNIT1"]


@pytest.mark.parametrize("post_action", ["move", "keep", "delete"])
def test_a_source_that_is_only_touched_while_it_waits_is_sent_once(station: Station, post_action: str) -> None:
    """Another time makes no other source: it leaves as it would have, and the ledger has it once (invariants 4, 12)."""
    log = serving_reads(station, post_action=post_action)
    station.server.stop()
    with station.serving():
        log.write_text("UNIT0")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["waiting for the server"])
        os.utime(log, ns=(10**18, 10**18))
        wait_for(lambda: [a.mtime_ns for a in station.arrivals()] == [10**18])
        os.utime(log, ns=(2 * 10**18, 2 * 10**18))
        station.server.start()
        wait_for(lambda: {a.state.value for a in station.arrivals()} == {"done"})
        wait_for(lambda: log.exists() == (post_action == "keep"))
    assert units(station) == ["UNIT0"]
    assert [a.state.value for a in station.arrivals()] == ["done"] and len(station.entries()) == 1


def test_what_was_replaced_before_it_could_be_archived_has_vanished(station: Station) -> None:
    """While the archive fails, a unit whose log is replaced is counted as lost, loudly (invariant 12)."""
    log = serving_reads(station)
    station.run()
    blocked = block_today(station.archive_root)
    with capture_logs() as lines, station.serving():
        overwrite(log, "UNIT0", "renamed")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["seen"])
        overwrite(log, "UNIT1, longer", "renamed")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["vanished", "seen"])
        blocked.unlink()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["vanished", "done"])
    assert [line["reason"] for line in lines if line["event"] == "source.vanished"] == [
        "replaced before it could be archived"
    ]
    assert units(station) == ["UNIT1, longer"]


@pytest.mark.parametrize("keys", [{"archive_enabled": False}, {"on_archive_error": "continue"}], ids=str)
def test_without_an_archive_each_unit_is_converted_while_the_server_is_away(
    station: Station, keys: dict[str, Any]
) -> None:
    """What memory holds keeps nobody's source waiting; one that is owed and was replaced has vanished (invariants 11, 12)."""
    log = serving_reads(station, **keys)
    must_backfill = "on_archive_error" in keys
    if must_backfill:
        station.run()
        blocked = block_today(station.archive_root)
    station.server.stop()
    with capture_logs() as lines, station.serving():
        for n in range(3):
            overwrite(log, f"UNIT{n}", "renamed")
            wait_for_conversions(lines, n + 1)
        station.server.start()
        wait_for(lambda: not log.exists())
        wait_for(lambda: len(station.server.received) == 3)
    assert units(station) == ["UNIT0", "UNIT1", "UNIT2"]
    if must_backfill:
        blocked.unlink()
        station.run()
        assert [a.state.value for a in station.arrivals()] == ["vanished", "vanished", "done"]


def test_a_suspended_unit_is_not_set_aside_in_place_of_the_next_one(station: Station) -> None:
    """What is moved to Pending is what was suspended, never the source that has its name by then (invariant 12)."""
    station.code(
        SLOW.replace("HOLD", repr(str(station.root / "hold"))) + "class Suspends(Reads):\n"
        "    def outcome(self, source, context):\n"
        "        if source.path.read_text() == 'UNIT0' and not os.path.exists("
        + repr(str(station.root / "go"))
        + "):\n"
        "            time.sleep(1.5)\n"
        "            return ConverterResult.suspended_result('not yet', retry_after=timedelta(seconds=0.2))\n"
        "        return super().outcome(source, context)\n"
    )
    log = (
        station.add("fixed", "own.Suspends", file_patterns=["*.log"], settle_seconds=0.2, max_retries=50) / "result.log"
    )
    with station.serving():
        overwrite(log, "UNIT0", "renamed")
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["converting"])
        overwrite(log, "UNIT1", "renamed")
        wait_for(lambda: "UNIT1" in units(station))
        (station.root / "go").touch()
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done", "done"])
    assert units(station) == ["UNIT0", "UNIT1"]


@pytest.mark.parametrize("post_action", ["move", "delete", "zip"])
def test_a_unit_that_comes_between_the_last_comparison_and_the_move_is_converted(
    station: Station, monkeypatch: pytest.MonkeyPatch, post_action: str
) -> None:
    """However late it comes, it is archived, converted and sent as every other one (invariants 2 and 12)."""
    log = serving_reads(station, post_action=post_action)
    claim, came = leaving.claim, threading.Event()

    def then_it_comes(path: Path, private: Path) -> None:
        if not came.is_set():
            came.set()
            mtime_ns = path.stat().st_mtime_ns
            overwrite(log, "UNIT1", "renamed")
            os.utime(log, ns=(mtime_ns, mtime_ns))
        claim(path, private)

    monkeypatch.setattr(leaving, "claim", then_it_comes)
    with station.serving():
        overwrite(log, "UNIT0", "renamed")
        wait_for(came.is_set)
        wait_for(lambda: [a.state.value for a in station.arrivals()] == ["done", "done"])
    assert units(station) == ["UNIT0", "UNIT1"]
    assert len({entry.source_checksum for entry in station.entries()}) == 2
    assert not list(log.parent.iterdir())
