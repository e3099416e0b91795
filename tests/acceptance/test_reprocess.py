"""Replaying: what a changed converter changes is named, sent under the same ids, and taken back."""

from __future__ import annotations

import csv
import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.command import command
from tests.station import Station, wait_for

from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import codes, runs
from pywats_archive.archive.results import current as now
from pywats_archive.client import Client
from pywats_archive.errors import RunRunning, UsageError
from pywats_archive.models.code import ConverterCode
from pywats_archive.models.operation.replay import ReplayRequest, Run
from pywats_archive.models.retention.purge import PurgeReason
from pywats_archive.reprocessing import trial
from pywats_archive.reprocessing.effects import evaluate
from pywats_archive.retention import enforcing

LIMITED = """
class Limited(Any):
    version = property(lambda self: "{version}")
    def outcome(self, source, context):
        text = source.path.read_text()
        if "bad" in text and {strict}:
            raise ValueError("bad line")
        found = report(source.path.stem, result="{result}" if "turns" in text else "P")
        found["root"]["steps"] = [{{"name": "volts", "value": len(text)}}, {{"name": "amps", "limit": {{"high": {limit}}}}}]
        found["note"] = context.arguments.get("note")
        return ConverterResult.success_result(report={{k: v for k, v in found.items() if v is not None}})
"""


def limited(station: Station, limit: float, *, strict: bool = False, result: str = "P", version: str = "1") -> None:
    """Write the converter's file, with this limit."""
    station.code(LIMITED.format(limit=limit, strict=strict, result=result, version=version))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as made:
        limited(made, 5.5)
        watch = made.add("ict", "own.Limited", arguments={"note": "first"})
        for number in range(12):
            (watch / f"SN{number:03}.log").write_text("x" * (number + 1))
        made.run()
        yield made


def replayed(station: Station, **request: Any) -> Any:
    with Client.from_config(station.write_config()) as client:
        engine = client.reprocessing(actor="engineer")
        return engine.start([entry.archive_id for entry in station.entries()], ReplayRequest(**request), processes=1)


def current(station: Station) -> dict[str, dict[str, Any]]:
    """The document that each entry shows, by serial number."""
    with station.archive() as archive:
        shown = (now.current(archive, entry.archive_id) for entry in station.entries())
        return {
            str(each.entry.serial_number): json.loads(archive.document(each.reports[0]))
            for each in shown
            if each.reports
        }


def at_server(station: Station) -> dict[str, dict[str, Any]]:
    return {report_id: json.loads(bodies[-1]) for report_id, bodies in station.server.received.items()}


def test_a_changed_limit_is_named_sent_and_taken_back(station: Station) -> None:
    """The dry run names the one field that changes and changes nothing; the run sends it under the same ids; back again."""
    before, there = current(station), at_server(station)
    limited(station, 5.0, version="2")
    dry = replayed(station, dry_run=True)
    (group,) = dry.changes
    assert (group.path, group.old, group.new, group.entries) == ("/root/steps[1]/limit/high", 5.5, 5.0, 12)
    assert (dry.by_comparison, dry.effects, dry.skipped) == ({"changed": 12}, {"replaces": 12}, 0)
    assert current(station) == before and at_server(station) == there
    done = replayed(station, submit_to_server=True)
    assert station.run().waiting == ()
    now = at_server(station)
    assert now.keys() == there.keys()
    assert {each["root"]["steps"][1]["limit"]["high"] for each in now.values()} == {5.0}
    with Client.from_config(station.write_config()) as client:
        back = client.reprocessing(actor="engineer").rollback(done.run_id)
    assert all(each.is_set_back and len(each.submitted_ids) == 1 for each in back)
    assert current(station) == before and at_server(station) == now
    details = station.entries()[0].archive_id
    with station.archive() as archive:
        kinds = [event.kind for event in archive.details(details).events]
        assert len(archive.details(details).conversions) == 2 and kinds[-1] == "conversion.set_back"


def test_what_is_the_same_is_not_sent(station: Station) -> None:
    """Replayed without a change, nothing goes to the server."""
    requests = station.server.requests
    done = replayed(station, submit_to_server=True)
    assert (done.by_comparison, done.effects) == ({"same": 12}, {"unchanged": 12})
    station.run()
    assert station.server.requests == requests


def test_a_verdict_that_turns_is_held_back_unless_it_is_allowed(station: Station) -> None:
    """A unit that would fail now is not sent by mistake; with a reason it is."""
    (station.root / "ict" / "watch" / "SN900.log").write_text("turns")
    station.run()
    limited(station, 5.5, result="F")
    held = replayed(station, submit_to_server=True)
    assert held.verdict_changes == (("SN900", "P", "F"),) and held.skipped == 1
    assert current(station)["SN900"]["result"] == "P"
    replayed(station, submit_to_server=True, allow_verdict_change="the limit was wrong")
    assert current(station)["SN900"]["result"] == "F"


def test_the_original_code_is_run_though_it_was_edited_since(station: Station) -> None:
    """With the original converter wanted, yesterday's code gives yesterday's report, byte for byte; today's gives another."""
    before, first = current(station), station.entries()[0]
    limited(station, 5.0)
    done = replayed(station, use_current_converter=False)
    assert done.by_comparison == {"same": 12}
    with station.archive() as archive:
        old, new = archive.details(first.archive_id).conversions
        documents = [archive.document(report) for report in archive.details(first.archive_id).reports]
    assert old.code_fingerprint == new.code_fingerprint and documents[0] == documents[1]
    assert current(station) == before
    assert replayed(station, dry_run=True).by_comparison == {"changed": 12}


def test_what_a_converter_imports_beside_it_is_part_of_its_code(tmp_path: Path) -> None:
    """A module beside the converter's file is kept with it, and an edited one is another version."""
    with Station(tmp_path) as station:
        (station.root / "converters" / "beside.py").write_text("HIGH = 5.5\n")
        station.code(
            "import beside\nclass Own(Any):\n    def outcome(self, source, context):\n"
            "        return ConverterResult.success_result(report=report(source.path.stem, high=beside.HIGH))\n"
        )
        watch = station.add("ict", "own.Own")
        for number in range(2):
            (watch / f"SN{number}.log").write_text("x")
        station.run()
        (station.root / "converters" / "beside.py").write_text("HIGH = 5.0\n")
        assert [each.path for each in replayed(station, dry_run=True).changes] == ["/high"]
        assert replayed(station, dry_run=True, use_current_converter=False).by_comparison == {"same": 2}
        assert len(list((station.archive_root / "converters").glob("*.tar.gz"))) == 1


def test_code_that_was_not_kept_or_is_damaged_skips_with_that_reason(station: Station) -> None:
    """Without the original code nothing is made up: the entries are skipped, and say why."""
    limited(station, 5.0)
    (kept,) = (station.archive_root / "converters").iterdir()
    sound = kept.read_bytes()
    kept.chmod(0o600)
    kept.write_bytes(sound[:-9])
    (reason,) = replayed(station, dry_run=True, use_current_converter=False).skipped_because
    assert str(kept) in reason
    kept.unlink()
    (reason,) = replayed(station, dry_run=True, use_current_converter=False).skipped_because
    assert "its code was not stored" in reason
    kept.write_bytes(sound)


def planted(station: Station, marker: Path) -> str:
    """Put code beside the kept code, as a blob with its own right fingerprint; returns that."""
    body = f"open({str(marker)!r}, 'w').close()\n" + (station.root / "converters" / "own.py").read_text()
    code = ConverterCode(files={"own.py": body.encode()}, class_name="Limited")
    with station.archive() as archive:
        assert codes.store(archive, code, version="1", distribution=None)
    return code.fingerprint


@pytest.mark.parametrize("is_event_edited", [False, True])
def test_kept_code_that_only_a_row_names_is_not_run(station: Station, tmp_path: Path, is_event_edited: bool) -> None:
    """Code put into the archive, with the row of a conversion made to name it, is not run: the history names another."""
    marker, entry = tmp_path / "was-run", station.entries()[0].archive_id
    forged = planted(station, marker)
    with sqlite3.connect(station.archive_root / "metadata.db") as raw:
        (genuine,) = raw.execute("SELECT code_fingerprint FROM conversions WHERE archive_id = ?", (entry,)).fetchone()
        raw.execute("UPDATE conversions SET code_fingerprint = ? WHERE archive_id = ?", (forged, entry))
        if is_event_edited:
            raw.execute("DROP TRIGGER events_stay")
            edited = "UPDATE events SET details = replace(details, ?, ?) WHERE archive_id = ?"
            raw.execute(edited, (genuine, forged, entry))
    limited(station, 5.0)
    done = replayed(station, dry_run=True, use_current_converter=False)
    why = "the history is broken" if is_event_edited else "the event of that conversion has another fingerprint"
    (reason,) = done.skipped_because
    assert why in reason and "is not run" in reason
    assert done.skipped == (12 if is_event_edited else 1) and not marker.exists()
    result = command("verify", "--reproduce", "100%", "--config", station.write_config())
    assert result.returncode == 1 and why in result.stdout and not marker.exists()


def test_an_installed_converter_of_another_version_is_not_taken_for_the_original(station: Station) -> None:
    """Of an installed converter the version counts: another one skips, unless that one is named."""
    with Archive.open(station.archive_root, own=True) as archive:
        archive.write(lambda tx: tx.exec_driver_sql("UPDATE conversions SET distribution = 'someone 1.0'"))
    (reason,) = replayed(station, dry_run=True, use_current_converter=False).skipped_because
    assert "someone 1.0" in reason and "is not available" in reason


def test_original_parameters_are_those_on_record(station: Station) -> None:
    """A changed argument counts in today's mode, and not where the recorded ones are wanted."""
    station.sections[0]["arguments"] = {"note": "second"}
    (group,) = replayed(station, dry_run=True).changes
    assert (group.path, group.old, group.new) == ("/note", "first", "second")
    assert replayed(station, dry_run=True, use_current_parameters=False).by_comparison == {"same": 12}


def test_what_cannot_be_replayed_says_why_and_stops_nothing(station: Station) -> None:
    """Purged, damaged, failing: each is reported, and the others are replayed."""
    (station.root / "ict" / "watch" / "SN901.log").write_text("bad")
    station.run()
    limited(station, 5.5, strict=True)
    first, second = station.entries()[:2]
    with Archive.open(station.archive_root, own=True) as archive:
        enforcing.purge_named(archive, [first.archive_id], actor="it")
    blob = station.archive_root / second.source_archived_path
    sound = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(sound[:-9])
    done = replayed(station)
    blob.write_bytes(sound)
    assert (done.processed, done.failed, done.skipped) == (11, 1, 2)
    assert done.by_comparison == {"same": 10, "newly_failing": 1}
    assert any(reason == "purged" for reason in done.skipped_because)
    assert any("damaged" in reason for reason in done.skipped_because)
    assert done.errors[0][1].endswith("bad line")


def test_one_run_at_a_time_and_none_of_nothing(station: Station) -> None:
    """A second run is refused while one goes on; so is one without entries."""
    with Archive.open(station.archive_root, own=True) as archive, runs.reprocessing(archive), pytest.raises(RunRunning):
        replayed(station)
    with Client.from_config(station.write_config()) as client, pytest.raises(UsageError, match="no entry"):
        client.reprocessing(actor="e").start([], ReplayRequest())


def test_a_run_that_is_killed_goes_on_and_does_each_entry_once(station: Station) -> None:
    """Killed at random moments and resumed, each entry has one conversion of the run, and each report one id (invariant 5)."""
    limited(station, 5.0)
    ids, rng = [entry.archive_id for entry in station.entries()], random.Random(4)
    config = station.write_config()
    start = [sys.executable, "-m", "pywats_archive", "reprocess"]
    first = [*start, "start", *ids, "--config", str(config), "--yes", "--submit", "--processes", "1"]
    _killed(first, 0.5, once=lambda: _runs(station))
    for _ in range(3):
        _killed([*start, "resume", "1", "--config", str(config), "--processes", "1"], 1.0 + 1.5 * rng.random())
    answer = command("reprocess", "resume", "1", "--json", "--config", config)
    told = json.loads(answer.stdout)
    assert (told["total_archives"], told["processed"], told["skipped"]) == (12, 12, 0), answer.stderr
    assert station.run().waiting == ()
    for archive_id in ids:
        with station.archive() as archive:
            details = archive.details(archive_id)
        assert [each.run_id for each in details.conversions] == [None, 1]
        assert len({report.report_id for report in details.reports}) == 1
    assert len(station.server.received) == 12


def test_the_command(station: Station, tmp_path: Path) -> None:
    """A dry run, its differences as JSON and CSV, the list, a rollback of what changed nothing: as a person meets them."""
    limited(station, 5.0)
    here = ("--config", station.write_config())
    dry = command("reprocess", "start", "--converter", "ict", "--dry-run", *here)
    assert dry.returncode == 0, dry.stderr
    assert "12 of 12: /root/steps[1]/limit/high 5.5 → 5.0" in dry.stdout and "12 changed" in dry.stdout
    document = json.loads(command("reprocess", "diff", "1", "--json", "--csv", tmp_path / "d.csv", *here).stdout)
    assert len(document["items"]) == 12 and document["items"][0]["changes"][0]["new"] == 5.0
    with (tmp_path / "d.csv").open(newline="") as stream:
        assert [row["new"] for row in csv.DictReader(stream)] == ["5.0"] * 12
    assert document["items"][0]["volatile"] == []
    assert "dry run" in command("reprocess", "list", *here).stdout
    assert command("reprocess", "rollback", "1", "--yes", *here).returncode == 2
    unasked = command("reprocess", "start", "--converter", "ict", *here)
    assert unasked.returncode == 2 and "--yes" in unasked.stderr
    assert command("reprocess", "show", "9", *here).returncode == 2
    one = station.entries()[0].archive_id
    for both in (("--text", "nothing", one), ("--mode", "failed", one), ("--mode", "failed", "--status", "success")):
        assert command("reprocess", "start", "--dry-run", *both, *here).returncode == 2
    assert "--reproduce '0%'" in command("verify", "--reproduce", "0%", *here).stderr


def test_volatile_fields_are_shown_on_request(station: Station, tmp_path: Path) -> None:
    """A field that is another at each conversion makes no report a changed one; ``diff --volatile`` shows it."""
    station.code(
        "from datetime import datetime, timezone\nimport uuid\n"
        "class Limited(Any):\n    def outcome(self, source, context):\n        found = report(source.path.stem)\n"
        "        found.update(id=str(uuid.uuid4()), made=datetime.now(timezone.utc).isoformat())\n"
        "        return ConverterResult.success_result(report=found)\n"
    )
    assert replayed(station).by_comparison == {"changed": 12}
    assert replayed(station, dry_run=True).by_comparison == {"same": 12}
    here = ("--config", station.write_config())
    told = json.loads(command("reprocess", "diff", "2", "--volatile", "--json", *here).stdout)["items"]
    assert {each["path"] for item in told for each in item["volatile"]} == {"/id", "/made"}
    assert "(volatile)" in command("reprocess", "diff", "2", "--volatile", *here).stdout
    assert "/made" not in command("reprocess", "diff", "2", *here).stdout
    assert command("reprocess", "diff", "2", "--volatile", "--csv", tmp_path / "d.csv", *here).returncode == 0
    with (tmp_path / "d.csv").open(newline="") as stream:
        assert {(row["path"], row["is_volatile"]) for row in csv.DictReader(stream)} == {("/id", "1"), ("/made", "1")}


def test_nothing_is_recorded_for_what_is_purged_meanwhile(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is purged while it is replayed gets no new bytes (invariant 7)."""
    limited(station, 5.0)
    gone = station.entries()[0].archive_id

    def purged_first(shown: Any, *more: Any, **named: Any) -> Any:
        if shown.entry.archive_id == gone:
            with Archive.open(station.archive_root) as archive:
                batch = purging.Batch(converter_name="ict", reason=PurgeReason.MANUAL, archive_ids=[gone])
                assert purging.purge(archive, batch).entries == 1
        return evaluate(shown, *more, **named)

    monkeypatch.setattr(trial, "evaluate", purged_first)
    done = replayed(station)
    assert done.skipped_because == {"purged while it was replayed": 1}
    assert not list(station.archive_root.rglob(f"{gone}*"))


def _runs(station: Station) -> tuple[Run, ...]:
    with station.archive() as archive:
        return runs.latest(archive)


def _killed(whole: list[str], after_s: float, *, once: Callable[[], Any] = lambda: True) -> None:
    with subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(once)
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)


def test_reports_can_be_made_again_as_they_were(station: Station) -> None:
    """``verify --reproduce`` replays a sample as it was converted: equal though the code was edited; tampering is reported."""
    here = ("--config", station.write_config())
    limited(station, 5.0)
    sound = command("verify", "--reproduce", "50%", *here)
    assert (sound.returncode, "6 of 6" in sound.stdout and "6 same" in sound.stdout) == (0, True), sound.stderr
    code = next((station.archive_root / "converters").iterdir())
    code.chmod(0o600)
    code.write_bytes(code.read_bytes()[:-9])
    assert command("verify", "--reproduce", "3", *here).returncode == 1
    told = json.loads(command("verify", "--json", "--archive", station.archive_root).stdout)
    assert [problem["path"] for problem in told["problems"]] == [f"converters/{code.name}"]
