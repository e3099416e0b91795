"""A replay never takes one unit's report for another's, nor does a source that is converted again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.archive.core import Archive
from pywats_archive.client import Client
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult
from pywats_archive.models.report import Report, SubmissionState

CODE = """
class Panel(Any):
    def outcome(self, source, context):
        made = [report(sn, limit={limit}, **more) for sn, more in {units!r}]
        return ConverterResult.success_result(report=[{{k: v for k, v in each.items() if v is not None}} for each in made])
"""
LATER = {"start": "2026-02-13T11:00:00+00:00"}


def finds(station: Station, *units: str | tuple[str, dict[str, Any]], limit: float = 1) -> None:
    """Write the converter's file: it finds these units in each source."""
    each = [unit if isinstance(unit, tuple) else (unit, {}) for unit in units]
    station.code(CODE.format(units=each, limit=limit))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with one panel, whose units B and C are at the server."""
    with Station(tmp_path) as made:
        finds(made, "B", "C")
        (made.add("ict", "own.Panel") / "panel.log").write_text("x")
        made.run()
        yield made


def replayed(station: Station, **request: Any) -> ReprocessingResult:
    with Client.from_config(station.write_config()) as client:
        ids = [entry.archive_id for entry in station.entries()]
        done = client.reprocessing(actor="engineer").start(ids, ReplayRequest(**request), processes=1)
    if request.get("submit_to_server"):
        station.run()
    return done


def rolled_back(station: Station, run: ReprocessingResult) -> None:
    with Client.from_config(station.write_config()) as client:
        client.reprocessing(actor="engineer").rollback(run.run_id or 0)


def at_server(station: Station) -> list[tuple[str, float]]:
    """Unit and limit of what the server has, in the order of the ids' first coming."""
    kept = [json.loads(bodies[-1]) for bodies in station.server.received.values()]
    return [(each["sn"], each["limit"]) for each in kept]


def ids(station: Station) -> dict[str, str]:
    """The id under which the server has each unit; a unit that it has twice fails."""
    found = {json.loads(bodies[-1])["sn"]: report_id for report_id, bodies in station.server.received.items()}
    assert len(found) == len(station.server.received)
    return found


def rows(station: Station) -> tuple[Report, ...]:
    with station.archive() as archive:
        return tuple(archive.reports_of(station.entries()[0].archive_id))


@pytest.mark.parametrize("units", ["ABC", "CB", "CAB", "C", "BAC"])
def test_each_unit_keeps_its_report(station: Station, units: str) -> None:
    """One unit more, one less or another order: every unit stays under the id that it had (invariant 14)."""
    before = ids(station)
    finds(station, *units, limit=2)
    done = replayed(station, submit_to_server=True)
    after = ids(station)
    assert {unit: after[unit] for unit in before} == before
    assert sorted(at_server(station)) == sorted([(unit, 2.0 if unit in units else 1.0) for unit in {*"BC", *units}])
    assert done.no_successor == len({*"BC"} - {*units})
    assert done.effects.get("new", 0) == len({*units} - {*"BC"})


def test_a_unit_that_comes_back_continues_its_report(station: Station) -> None:
    """What a faulty converter lost, and what a rolled-back run sent, is found again under its id (invariants 4 and 14)."""
    before = ids(station)
    finds(station, "C")
    replayed(station, submit_to_server=True)
    finds(station, "A", "B", "C", limit=2)
    with_a = replayed(station, submit_to_server=True)
    first = ids(station)
    assert {unit: first[unit] for unit in "BC"} == before
    rolled_back(station, with_a)
    finds(station, "C", "B", "A", limit=3)
    replayed(station, submit_to_server=True)
    assert ids(station) == first
    assert sorted(at_server(station)) == [("A", 3.0), ("B", 3.0), ("C", 3.0)]


def test_what_a_replay_changes_is_told_by_unit(station: Station) -> None:
    """Differences and verdicts are those of the same unit, whatever its place; what is left alone is named (invariant 14)."""
    finds(station, ("A", {"result": "F"}), "C", ("B", {"note": "more"}))
    dry = replayed(station, dry_run=True)
    assert [(change.path, change.new) for change in dry.changes] == [("/note", "more")]
    assert (dry.verdict_changes, dry.effects) == ((), {"new": 1, "unchanged": 1, "replaces": 1})
    finds(station, "C", ("B", {"result": "F"}))
    assert replayed(station, dry_run=True).verdict_changes == (("B", "P", "F"),)
    finds(station, "C")
    here = ("--config", station.write_config())
    told = command("reprocess", "start", station.entries()[0].archive_id, "--dry-run", *here)
    assert "1 reports on the server have no successor" in told.stdout, told.stdout + told.stderr
    shown = command("reprocess", "diff", "3", *here).stdout
    assert f"no successor: report {ids(station)['B']}" in shown
    (item,) = json.loads(command("reprocess", "diff", "3", "--json", *here).stdout)["items"]
    assert item["no_successor"] == [ids(station)["B"]]


def test_an_unclear_successor_waits_for_a_person(station: Station) -> None:
    """Two reports of equal keys: the run says so and sends nothing; ``--new-id`` sends them as new ones (invariant 14)."""
    finds(station, "B", ("B", {"note": "twice"}), "C", limit=2)
    before = station.server.received
    assert replayed(station, dry_run=True).effects == {"ambiguous": 2, "replaces": 1}
    held = replayed(station, submit_to_server=True)
    (reason,) = held.skipped_because
    assert "1 earlier and 2 new reports" in reason and "--new-id" in reason
    assert station.server.received == before and len(rows(station)) == 2
    replayed(station, submit_to_server=True, new_id=True)
    assert sorted(at_server(station)) == [("B", 1.0), ("B", 2.0), ("B", 2.0), ("C", 1.0), ("C", 2.0)]


def test_new_ids_are_continued_and_the_old_ones_left(station: Station) -> None:
    """After ``--new-id`` the next replay continues the new reports; the old ones are no reports without a successor."""
    finds(station, "C", ("B", LATER), limit=2)
    replayed(station, submit_to_server=True, new_id=True)
    finds(station, "A", ("B", LATER), "C", limit=3)
    done = replayed(station, submit_to_server=True)
    assert (done.effects, done.no_successor) == ({"new": 1, "replaces": 2}, 0)
    assert sorted(at_server(station)) == [("A", 3.0), ("B", 1.0), ("B", 3.0), ("C", 1.0), ("C", 3.0)]


def test_new_ids_that_were_not_sent_are_not_continued(station: Station) -> None:
    """A run with new ids that was recorded alone changes nothing of what the server has: the next one replaces that."""
    finds(station, "C", ("B", LATER), limit=2)
    replayed(station, new_id=True)
    finds(station, ("B", LATER), "C", limit=3)
    replayed(station, submit_to_server=True)
    assert sorted(at_server(station)) == [("B", 3.0), ("C", 3.0)]


def test_new_ids_are_other_ones_also_where_the_file_brings_its_own(tmp_path: Path) -> None:
    """``--new-id`` leaves the report at the server although the converter gives the id of the file again."""
    with Station(tmp_path) as station:
        finds(station, ("B", {"id": "b0000000-0000-0000-0000-000000000001"}))
        (station.add("ict", "own.Panel") / "one.log").write_text("x")
        station.run()
        finds(station, ("B", {"id": "b0000000-0000-0000-0000-000000000001"}), limit=2)
        replayed(station, submit_to_server=True, new_id=True)
        assert at_server(station) == [("B", 1.0), ("B", 2.0)]


def test_a_serial_number_that_is_read_now_replaces_the_report_without_one(tmp_path: Path) -> None:
    """The only report of a source, that named no unit, is continued by the only one that does (invariant 14)."""
    with Station(tmp_path) as station:
        finds(station, ("UNKNOWN", {"pn": "UNKNOWN"}))
        (station.add("ict", "own.Panel") / "one.log").write_text("x")
        station.run()
        finds(station, "A", limit=2)
        assert replayed(station, submit_to_server=True).effects == {"replaces": 1}
        assert at_server(station) == [("A", 2.0)]


def test_another_serial_number_is_another_unit_unless_a_person_says_otherwise(tmp_path: Path) -> None:
    """Of one report on each side, too, the new one is sent beside the old one; ``--allow-unit-change`` replaces it."""
    with Station(tmp_path) as station:
        finds(station, "WRONG")
        (station.add("ict", "own.Panel") / "one.log").write_text("x")
        station.run()
        finds(station, "RIGHT", limit=2)
        assert replayed(station, dry_run=True).effects == {"new": 1}
        here = ("--config", station.write_config(), "--yes", "--submit")
        archive_id = station.entry().archive_id
        done = command("reprocess", "start", archive_id, "--allow-unit-change", "read from column 2 now", *here)
        assert done.returncode == 0, done.stderr
        station.run()
        assert at_server(station) == [("RIGHT", 2.0)]


def test_a_source_that_comes_again_keeps_each_units_report(station: Station) -> None:
    """Moved back into the watch folder and converted by a fixed converter, each unit stays under its id (invariant 14)."""
    before = ids(station)
    finds(station, "A", "C", "B", limit=2)
    (station.root / "ict" / "Done" / "panel.log").rename(station.root / "ict" / "watch" / "panel.log")
    station.run()
    after = ids(station)
    assert {unit: after[unit] for unit in before} == before and len(station.entries()) == 1
    assert sorted(at_server(station)) == [("A", 2.0), ("B", 2.0), ("C", 2.0)]


def test_a_source_that_comes_again_with_an_unclear_report_waits_for_a_person(station: Station) -> None:
    """An ambiguous report is kept and not sent, the others are; the source goes to Error with the reason (invariant 14)."""
    finds(station, "C", "B", "B", limit=2)
    (station.root / "ict" / "Done" / "panel.log").rename(station.root / "ict" / "watch" / "panel.log")
    station.run()
    assert sorted(at_server(station)) == [("B", 1.0), ("C", 2.0)]
    assert station.names("ict/Error") == ["panel.log"]
    last = station.arrivals()[-1]
    assert last.state is ArrivalState.REFUSED and "2 new reports" in (last.reason or "")
    assert [each.submission_state for each in rows(station)[2:]] == [
        SubmissionState.ACCEPTED,
        *[SubmissionState.REFUSED] * 2,
    ]


def test_reports_that_a_crash_left_are_continued_by_their_unit(station: Station) -> None:
    """Blobs without a row, of a conversion that a crash cut off, keep their ids (invariants 5 and 14)."""
    left = {each.serial_number: each.report_id for each in rows(station)}
    with Archive.open(station.archive_root, own=True) as archive:
        archive.write(lambda tx: tx.exec_driver_sql("UPDATE archive_entries SET report_count = 0"))
        archive.write(lambda tx: tx.exec_driver_sql("DELETE FROM reports"))
        archive.write(lambda tx: tx.exec_driver_sql("DELETE FROM conversions"))
        archive.write(lambda tx: tx.exec_driver_sql("UPDATE arrivals SET state = 'archived', moved_to = NULL"))
    (station.root / "ict" / "Done" / "panel.log").rename(station.root / "ict" / "watch" / "panel.log")
    finds(station, "A", "C", "B", limit=2)
    station.run()
    assert {unit: ids(station)[unit] for unit in left if unit} == left
    assert sorted(at_server(station)) == [("A", 2.0), ("B", 2.0), ("C", 2.0)]
