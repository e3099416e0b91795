"""One file that a tester appends every unit to (``append``): each unit is sent once, whatever is archived of the file."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import PATIENCE_S, Station, check_sound, wait_for, wait_for_event

from pywats_archive.archive.repair.rebuild import rebuild
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.client import Client
from pywats_archive.integrity.verify import verify
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.operation.integrity import Thoroughness
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult
from pywats_archive.models.report import Report, SubmissionState

CODE = """
class Appended(Any):
    limit = {limit}
    def outcome(self, source, context):
        found = {{}}
        for line in source.path.read_text().split():
            if line == "bad":
                return ConverterResult.failed_result(error="half a section")
            unit, value = line.split("=")
            found[unit] = report(unit, value=value, limit=self.limit)
        return ConverterResult.success_result(
            report=[{{k: v for k, v in each.items() if v is not None}} for each in found.values()])
"""
"""A report without an id for each unit of a file; a later line of a unit corrects it."""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with a converter of one growing file."""
    with Station(tmp_path / "station") as made:
        code(made)
        made.add("tester", "own.Appended", post_action="keep", append=True)
        yield made
    check_sound(made.archive_root)


def code(station: Station, limit: int = 1) -> None:
    station.code(CODE.format(limit=limit))


def log_of(station: Station) -> Path:
    return station.root / "tester" / "watch" / "results.log"


def append(station: Station, *lines: str) -> None:
    with log_of(station).open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def sent(station: Station) -> dict[str, list[str]]:
    """What the server got of each unit, in order, under its one id."""
    found: dict[str, list[str]] = {}
    for bodies in station.server.received.values():
        (unit,) = {json.loads(body)["sn"] for body in bodies}
        assert unit not in found, "two ids"
        found[unit] = [json.loads(body)["value"] for body in bodies]
    return found


def ids(station: Station) -> list[str]:
    """The entries in the order in which they came."""
    return sorted(each.archive_id for each in station.entries())


def has_entries(station: Station, number: int) -> bool:
    return len(station.entries()) == number


def rows(station: Station, which: int = -1) -> dict[str, Report]:
    """The reports of an entry by unit, as its latest conversion has them."""
    with station.archive() as archive:
        return {str(each.serial_number): each for each in archive.reports_of(ids(station)[which])}


def contents(station: Station) -> list[str]:
    with station.archive() as archive:
        folder = station.root / "back"
        found = [restore_source(archive, each, folder / each) for each in ids(station)]
        return [each.read_text() for each in found]


def replayed(station: Station, which: int, **request: Any) -> ReprocessingResult:
    with Client.from_config(station.write_config()) as client:
        return client.reprocessing(actor="engineer").start([ids(station)[which]], ReplayRequest(**request), processes=1)


def test_each_appended_unit_is_sent_once(station: Station) -> None:
    """Four units, appended one after the other: four reports under four ids, and every content of the file archived."""
    for number in range(1, 5):
        append(station, f"SN{number}=1")
        assert station.run().waiting == ()
    assert sent(station) == {f"SN{number}": ["1"] for number in range(1, 5)}
    whole = log_of(station).read_text()
    assert contents(station) == [whole[: 6 * number] for number in range(1, 5)]
    last, first = rows(station), ids(station)[0]
    assert [each.submission_state.value for each in last.values()] == ["WITHHELD"] * 3 + ["ACCEPTED"]
    assert last["SN1"].last_error == f"unchanged since entry {first}" and last["SN1"].may_be_sent
    assert {each.state for each in station.arrivals()} == {ArrivalState.DONE}
    with Client([station.archive_root]) as client:
        assert client.status().disagreements == ()


def test_a_corrected_section_is_sent_again_under_its_id(station: Station) -> None:
    """What is said of a unit later replaces what the server has of it, and nothing else is sent again."""
    append(station, "SN1=1", "SN2=1")
    station.run()
    append(station, "SN1=2")
    station.run()
    append(station, "SN3=1")
    station.run()
    assert sent(station) == {"SN1": ["1", "2"], "SN2": ["1"], "SN3": ["1"]}
    assert rows(station)["SN1"].last_error == f"unchanged since entry {ids(station)[1]}"


def test_reports_that_are_not_kept_are_known_by_their_checksum(station: Station) -> None:
    """Without ``archive_output_reports`` an unchanged unit is not sent again either."""
    station.sections[0]["archive_output_reports"] = False
    for number in range(1, 4):
        append(station, f"SN{number}=1")
        station.run()
    assert sent(station) == {f"SN{number}": ["1"] for number in range(1, 4)}


@pytest.mark.parametrize("how", ["rotated", "overwritten"])
def test_what_does_not_begin_with_the_former_content_is_another_source(station: Station, how: str) -> None:
    """A new file under the old name is an ordinary source: its units are new, whatever they are called."""
    append(station, "SN1=1")
    station.run()
    if how == "rotated":
        log_of(station).rename(station.root / "results.old")
    log_of(station).write_text("SN1=7\nSN9=1\n")
    station.run()
    units = [json.loads(body)["sn"] for bodies in station.server.received.values() for body in bodies]
    assert sorted(units) == ["SN1", "SN1", "SN9"] and len(station.server.received) == 3


def test_a_file_that_was_renamed_and_grew_is_the_same(station: Station) -> None:
    """It is recognized by its inode, not by its name."""
    append(station, "SN1=1")
    station.run()
    renamed = log_of(station).with_name("other.log")
    log_of(station).rename(renamed)
    with renamed.open("a") as stream:
        stream.write("SN2=1\n")
    station.run()
    assert sent(station) == {"SN1": ["1"], "SN2": ["1"]}


def test_a_content_that_could_not_be_converted_is_passed_over(station: Station) -> None:
    """What failed has no reports; the entry before it counts, even where a replay mends the failed one afterwards."""
    append(station, "SN1=1")
    station.run()
    append(station, "bad")
    station.run()
    assert station.names("tester/Error") == ["results.log"]
    (station.root / "tester/Error/results.log").rename(log_of(station))
    whole = log_of(station).read_text()
    station.code(CODE.format(limit=1).replace('if line == "bad":', 'if line == "bad":\n                continue'))
    with log_of(station).open("a") as stream:
        stream.write("SN2=1\n")
    station.run()
    assert contents(station)[1] == whole and sent(station) == {"SN1": ["1"], "SN2": ["1"]}
    done = replayed(station, 1, submit_to_server=True)
    assert done.effects == {"taken_over": 1}
    station.run()
    assert sent(station) == {"SN1": ["1"], "SN2": ["1"]}


def test_a_replay_of_an_older_entry_sends_nothing_over_a_later_one(station: Station) -> None:
    """Only the latest entry that has a unit may replace its report; it says so, and sends what changed."""
    append(station, "SN1=1")
    station.run()
    append(station, "SN2=1")
    station.run()
    code(station, limit=2)
    older = replayed(station, 0, submit_to_server=True)
    assert (older.effects, older.skipped) == ({"taken_over": 1}, 0)
    station.run()
    assert sent(station) == {"SN1": ["1"], "SN2": ["1"]}
    with station.archive() as archive:
        kept = archive.reports_of(ids(station)[0])[-1]
    assert kept.submission_state is SubmissionState.WITHHELD and ids(station)[1] in str(kept.last_error)
    latest = replayed(station, 1, submit_to_server=True)
    assert latest.effects == {"replaces": 2}
    station.run()
    assert sent(station) == {"SN1": ["1", "1"], "SN2": ["1", "1"]}
    assert replayed(station, 1, submit_to_server=True).effects == {"unchanged": 2}


def test_a_grown_file_waits_until_the_server_has_what_it_was_before(station: Station) -> None:
    """While the server is away the file is archived as it grows, and each unit is sent once in the end, the latest last."""
    station.server.stop()
    with capture_logs() as logged, station.serving():
        wait_for_event(logged, "service.started")
        for number in range(1, 4):
            append(station, f"SN{number}=1", f"SN1={number}")
            wait_for(functools.partial(has_entries, station, number))
    assert [each.state for each in station.arrivals()] == [ArrivalState.WAITING] + [ArrivalState.CONVERTING] * 2
    station.server.start()
    assert station.run().waiting == ()
    assert sent(station) == {"SN1": ["1", "2", "3"], "SN2": ["1"], "SN3": ["1"]}


def test_a_replay_that_waits_gives_way_to_a_later_entry(station: Station) -> None:
    """What a replay of an older entry would still send is withheld once a later entry's report goes out under its id."""
    append(station, "SN1=1")
    station.run()
    code(station, limit=2)
    assert replayed(station, 0, submit_to_server=True).effects == {"replaces": 1}
    append(station, "SN1=2")
    station.server.stop()
    with capture_logs() as logged, station.serving():
        wait_for_event(logged, "source.converted")
    station.server.start()
    assert station.run().waiting == ()
    assert sent(station)["SN1"][-1] == "2"
    with station.archive() as archive:
        before = archive.reports_of(ids(station)[0])[-1]
    assert before.submission_state is SubmissionState.WITHHELD and "later entry" in str(before.last_error)


def test_ids_outlive_a_rebuilding_of_the_catalog(station: Station) -> None:
    """Without its ledger, the entries at the path of a grown file still have the ids of its units."""
    append(station, "SN1=1")
    station.run()
    append(station, "SN2=1")
    station.run()
    for path in station.archive_root.glob("metadata.db*"):
        path.unlink()
    shutil.rmtree(station.archive_root / "backups", ignore_errors=True)
    assert rebuild(station.archive_root).problems == ()
    append(station, "SN3=1")
    assert station.run().waiting == ()
    assert {unit: len(values) for unit, values in sent(station).items()} == {"SN1": 2, "SN2": 2, "SN3": 1}


def test_what_is_ambiguous_waits_for_a_person(station: Station) -> None:
    """A unit without a serial number may be any of those appended: its report is kept, and not sent."""
    station.code(CODE.format(limit=1).replace("report(unit,", 'report("UNKNOWN" if unit[0] == "?" else unit,'))
    append(station, "?=1")
    station.run()
    append(station, "?=2", "SN2=1")
    station.run()
    held = [each for each in rows(station).values() if each.submission_state is SubmissionState.REFUSED]
    assert len(held) == 1 and "it is ambiguous which" in str(held[0].last_error)
    assert len(station.server.received) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
@pytest.mark.parametrize("step", ["source.converted", "outbox"])
def test_killed_in_the_middle_it_ends_in_the_same_reports(station: Station, step: str) -> None:
    """Killed after the reports of a grown file were written, or while they are sent, it ends in one id for each unit."""
    append(station, "SN1=1")
    station.run()
    append(station, "SN2=1", "SN1=2")
    victim = [sys.executable, "-c", KILLED, str(station.write_config()), step]
    assert subprocess.run(victim, stderr=subprocess.PIPE, check=False, timeout=PATIENCE_S).returncode == -9
    append(station, "SN3=1")
    assert station.run().waiting == ()
    assert {unit: values[-1] for unit, values in sent(station).items()} == {"SN1": "2", "SN2": "1", "SN3": "1"}
    assert sent(station)["SN1"] in (["1", "2"], ["1", "2", "2"]) and len(station.entries()) == 3
    assert {each.state for each in station.arrivals()} == {ArrivalState.DONE}
    with station.archive() as archive:
        assert [checked.problem for checked in verify(archive, Thoroughness()) if checked.problem] == []


KILLED = """
import os, sys
from pathlib import Path
from pywats_archive.archive.results import conversions as record
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.pipeline.service import Service, Settings

def die(*args, **more):
    os.kill(os.getpid(), 9)

if sys.argv[2] == "outbox":
    Outbox.offer = die
else:
    record._commit = die
if __name__ == "__main__":
    Service(Settings(config_path=Path(sys.argv[1]), processes=1, until_idle=True)).run()
"""
"""A service that is killed once the reports of its first conversion are durable: before their commit, or after it."""
