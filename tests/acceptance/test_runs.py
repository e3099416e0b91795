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
from pywats_archive.errors import UsageError
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


def test_only_a_run_that_can_be_undone_is_said_to_be(station: Station) -> None:
    """Whoever cancels a run that has ended is sent to a rollback, but not after a dry run, which changed nothing."""
    replayed(station, dry_run=True)
    replayed(station)
    with Client.from_config(station.write_config()) as client:
        with pytest.raises(UsageError, match="run 1 is not running; it was a dry run: it changed nothing"):
            client.reprocessing(actor="engineer").cancel(1)
        with pytest.raises(UsageError, match="run 2 is not running; 'reprocess rollback 2' undoes it"):
            client.reprocessing(actor="engineer").cancel(2)


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


def shown(station: Station, run: int) -> str:
    return command("reprocess", "show", str(run), "--archive", station.archive_root).stdout


def test_show_says_who_when_what_and_what_comes_next(station: Station) -> None:
    """The texts fit the act, before and after sending and rollback; the commands that come next are exact, and work."""
    limited(station, 5.0, version="1.1", failing=("SN3",))
    config = station.write_config()
    dry = command("reprocess", "start", "--converter", "ict", "--dry-run", "--config", config).stdout
    assert "dry run, done, nothing was recorded or sent" in dry and "would change:" in dry
    assert "4: converter ict" in dry and "ict 1.0 → 1.1 (code " in dry and " by " in dry
    assert "! 1 unit would turn from Passed to Failed: SN3\n" in dry
    record, send = f"reprocess start --converter ict --config {config}", "reprocess start --converter ict --submit"
    assert record in dry and send in dry
    assert command(*record.split(), "--yes").returncode == 0
    recorded = shown(station, 2)
    assert "done, recorded, nothing was sent" in recorded and "would" not in recorded
    assert "! 1 unit turned from Passed to Failed: SN3" in recorded and "reprocess rollback 2" in recorded
    assert command(*send.split(), "--yes", "--config", config).returncode == 1  # SN3 is held back
    waiting = shown(station, 3)
    assert (
        "some reports wait to be sent" in waiting
        and "3 waiting to be sent" in waiting
        and "the running service sends the waiting reports" in waiting
    )
    station.run()
    sent = shown(station, 3)
    assert "what changed was sent" in sent and "3 accepted by the server" in sent and "wait" not in sent
    assert command("reprocess", "rollback", "3", "--yes", "--config", config).returncode == 0
    back = shown(station, 3)
    assert "rolled back, its entries show their earlier conversions again" in back
    assert "still has 3 reports of this run" in back and "rollback 3" not in back


def test_a_unit_that_is_held_back_is_named_with_the_command_that_sends_it(station: Station) -> None:
    """A result that turns is never lost in the numbers, and the reason to send it is the person's."""
    limited(station, 5.5, version="1.1", failing=("SN3",))
    done = command("reprocess", "start", "--all", "--submit", "--yes", "--config", station.write_config()).stdout
    assert "! 1 unit would turn from Passed to Failed, held back: SN3" in done
    again = "reprocess start --entries-of 1 --submit --allow-verdict-change"
    assert f"{again} REASON" in done
    assert command(*again.split(), "limit was wrong", "--yes", "--config", station.write_config()).returncode == 0
    assert "! 1 unit turned from Passed to Failed: SN3" in shown(station, 2)


def test_diff_shows_alike_changes_once_and_unchanged_entries_only_on_request(station: Station) -> None:
    """First what several entries have in common, then what one has by itself; ``--all`` has every entry in full."""
    limited(station, 5.0, version="1.1", failing=("SN3",))
    replayed(station, dry_run=True)
    limited(station, 5.5, version="1.2", failing=("SN3",))
    replayed(station, dry_run=True)
    here = ("--archive", station.archive_root)
    both = command("reprocess", "diff", "1", *here).stdout
    assert both.count("/limit 5.5 → 5.0") == 1 and "  4 entries: /limit 5.5 → 5.0\n" in both
    assert "4 of 4 entries would change\n" in both and both.count("SN") == 1
    assert "SN3  changed  ! would turn from Passed to Failed\n  /result P → F\n" in both
    one = command("reprocess", "diff", "2", *here).stdout
    assert "1 of 4 entries would change, 3 unchanged (--all shows them)" in one and one.count("SN") == 1
    every = command("reprocess", "diff", "2", "--all", *here).stdout
    assert all(serial in every for serial in SERIALS) and every.count("same") == 3
    written = json.loads(command("reprocess", "diff", "2", "--json", *here).stdout)
    assert (len(written["items"]), written["unchanged"]) == (1, 3)
    assert len(json.loads(command("reprocess", "diff", "2", "--json", "--all", *here).stdout)["items"]) == 4


def test_a_run_that_was_replayed_over_has_nothing_to_roll_back(station: Station) -> None:
    """``show`` offers no command that would do nothing."""
    limited(station, 5.0, version="1.1")
    replayed(station)
    replayed(station)
    first, second = shown(station, 1), shown(station, 2)
    assert "every entry was converted again since" in first and "rollback" not in first.partition("next:")[2]
    assert "reprocess rollback 2" in second
