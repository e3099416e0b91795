"""Runs on record: read without a configuration, and true after what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station

from pywats_archive.client import Client
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult, RunState

LIMITED = """
class Limited(Any):
    version = property(lambda self: "{version}")
    def outcome(self, source, context):
        sn = source.path.stem
        found = report(sn, result="F" if sn in {failing} else "P", limit={limit})
        return ConverterResult.success_result(report={{k: v for k, v in found.items() if v is not None}})
"""
SERIALS = [f"SN{number}" for number in range(4)]


def limited(station: Station, limit: float, *, version: str, failing: tuple[str, ...] = ()) -> None:
    station.code(LIMITED.format(limit=limit, version=version, failing=failing))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        limited(made, 5.5, version="1.0")
        watch = made.add("ict", "own.Limited")
        for serial in SERIALS:
            (watch / f"{serial}.log").write_text(serial)
        made.run()
        yield made


def replayed(station: Station, **request: Any) -> ReprocessingResult:
    with Client.from_config(station.write_config()) as client:
        ids = [entry.archive_id for entry in station.entries()]
        return client.reprocessing(actor="engineer").start(ids, ReplayRequest(**request), processes=1)


def test_runs_are_read_without_a_configuration(station: Station) -> None:
    """A client of the archive's folder alone reads runs, their results and changes; so does the command."""
    limited(station, 5.0, version="1.1", failing=("SN3",))
    replayed(station, dry_run=True)
    with Client([station.archive_root]) as client:
        (run,), result, items = client.runs(), client.run(1), list(client.changes(1))
    assert (run.run_id, result.state, result.actor) == (1, RunState.DONE, "engineer")
    assert {item.serial_number for item in items} == set(SERIALS) and result.ended_at
    here = ("--archive", station.archive_root, "--json")
    assert json.loads(command("reprocess", "list", *here).stdout)["runs"][0]["run_id"] == 1
    assert json.loads(command("reprocess", "show", "1", *here).stdout)["by_comparison"] == {"changed": 4}
    assert len(json.loads(command("reprocess", "diff", "1", *here).stdout)["items"]) == 4


def test_unchanged_entries_are_left_out_unless_wanted(station: Station) -> None:
    """Only what a run changes is an answer to the question what it changes."""
    limited(station, 5.5, version="1.1", failing=("SN3",))
    replayed(station, dry_run=True)
    with Client([station.archive_root]) as client:
        assert [item.serial_number for item in client.changes(1)] == ["SN3"]
        assert {item.serial_number for item in client.changes(1, unchanged=True)} == set(SERIALS)


def test_a_result_names_the_code_before_and_after(station: Station) -> None:
    """The versions and fingerprints of the converter, as the entries had them and as the run had them."""
    limited(station, 5.0, version="1.1")
    (code,) = replayed(station, dry_run=True).code
    assert (code.converter_name, code.old_version, code.new_version, code.entries) == ("ict", "1.0", "1.1", 4)
    assert code.old_fingerprint and code.new_fingerprint and code.old_fingerprint != code.new_fingerprint


def test_a_result_is_true_after_sending_and_after_a_rollback(station: Station) -> None:
    """What the server has, and what the entries show, is as it is now, and not as it was when the run ended."""
    limited(station, 5.0, version="1.1")
    done = replayed(station, submit_to_server=True)
    assert (done.submissions, done.shown) == ({"WAITING": 4}, 4)
    station.run()
    with Client.from_config(station.write_config()) as client:
        assert client.run(1).submissions == {"ACCEPTED": 4}
        client.reprocessing(actor="quality").rollback(1)
        back = client.run(1)
    assert (back.state, back.ended_by, back.shown, back.submissions) == (
        RunState.ROLLED_BACK,
        "quality",
        0,
        {"ACCEPTED": 4},
    )
