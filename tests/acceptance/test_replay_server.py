"""What replays do on the server: never an older report after a newer one, no second id, no verdict that turns unasked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.station import Station

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions, runs, submissions
from pywats_archive.archive.results.current import current
from pywats_archive.client import Client
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import RunRunning
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.host.settings.key import load_key
from pywats_archive.models.conversion import Conversion, ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult, RunState
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.models.time import utc_now
from pywats_archive.reprocessing.engine import ReprocessingEngine
from pywats_archive.retention import enforcing

CODE = """
class Limited(Any):
    version = property(lambda self: "{version}")
    def outcome(self, source, context):
        {first}
        made = [report(source.path.stem + suffix, result=result, limit={limit}, told=dict(context.arguments))
                for suffix, result in zip(("", "-2"), {results})]
        return ConverterResult.success_result(report=[{{k: v for k, v in each.items() if v is not None}} for each in made])
"""
LATER = timedelta(minutes=5)


def code(station: Station, limit: float, results: str = "P", *, first: str = "pass", version: str = "1") -> None:
    """Write the converter's file: a report with this limit for each of the results."""
    station.code(CODE.format(limit=limit, results=repr(results), first=first, version=version))


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A station with one entry, whose report has the limit 1 and is at the server."""
    with Station(tmp_path) as made:
        code(made, 1)
        (made.add("ict", "own.Limited") / "SN1.log").write_text("x")
        made.run()
        yield made


def engine(station: Station, act: Callable[[ReprocessingEngine], Any]) -> Any:
    with Client.from_config(station.write_config()) as client:
        return act(client.reprocessing(actor="engineer"))


def replayed(station: Station, **request: Any) -> ReprocessingResult:
    ids = [entry.archive_id for entry in station.entries()]
    done: ReprocessingResult = engine(station, lambda e: e.start(ids, ReplayRequest(**request), processes=1))
    return done


def rolled_back(station: Station, run: ReprocessingResult) -> Any:
    return engine(station, lambda e: e.rollback(run.run_id or 0))


def limits(station: Station) -> list[list[float]]:
    """What the server got, by report id in the order of their first coming."""
    return [[json.loads(body)["limit"] for body in bodies] for bodies in station.server.received.values()]


def rows(station: Station) -> tuple[Report, ...]:
    with station.archive() as archive:
        return tuple(archive.reports_of(station.entry().archive_id))


def shown(station: Station) -> Conversion:
    with station.archive() as archive:
        found = current(archive, station.entry().archive_id).conversion
    assert found
    return found


def due(archive: Archive) -> tuple[Report, ...]:
    return submissions.due_reports(archive, limit=9, longest_delay=LATER)


def test_a_verdict_is_compared_with_what_the_server_has(station: Station) -> None:
    """A replay that was recorded and not sent does not make the next one's turning verdict look known."""
    code(station, 1, "F")
    replayed(station)
    held = replayed(station, submit_to_server=True)
    assert (held.skipped, held.verdict_changes) == (1, (("SN1", "P", "F"),))


def test_every_report_of_an_entry_is_asked_for_its_verdict(station: Station) -> None:
    """Of two reports the second one's verdict counts as the first one's does."""
    code(station, 1, "PP")
    replayed(station, submit_to_server=True)
    station.run()
    code(station, 1, "PF")
    held = replayed(station, submit_to_server=True)
    assert (held.skipped, held.verdict_changes) == (1, (("SN1", "P", "F"),))


def test_the_old_report_can_be_sent_again_after_a_rollback(station: Station) -> None:
    """A rollback does not take back what was sent; the old code and ``submit`` do, for the server has something else."""
    code(station, 2)
    done = replayed(station, submit_to_server=True)
    station.run()
    rolled_back(station, done)
    again = replayed(station, submit_to_server=True, use_current_converter=False)
    station.run()
    assert (again.effects, limits(station)) == ({"replaces": 1}, [[1, 2, 1]])


def test_what_the_server_has_is_not_sent_however_often_it_is_replayed(station: Station) -> None:
    """A report that was left out since the server has it counts as there the next time too."""
    for _ in range(3):
        assert replayed(station, submit_to_server=True).effects == {"unchanged": 1}
    station.run()
    assert limits(station) == [[1]]


def test_after_a_rollback_of_new_ids_the_first_id_counts_again(station: Station) -> None:
    """The ids of a run that was rolled back are not taken for later reports of what is shown (invariant 4)."""
    code(station, 2)
    rolled_back(station, replayed(station, submit_to_server=True, new_id=True))
    code(station, 3)
    replayed(station, submit_to_server=True)
    station.run()
    assert limits(station) == [[1, 3]]


def test_a_report_withheld_while_it_is_sent_is_not_sent_again(station: Station) -> None:
    """A try that ends after a rollback without the server's word does not put the report back into the outbox."""
    code(station, 2)
    done = replayed(station, submit_to_server=True)
    with Archive.open(station.archive_root) as archive:
        (going,) = due(archive)
        rolled_back(station, done)
        submissions.record_try(archive, going, state=SubmissionState.WAITING, reason="no answer")
        assert due(archive) == ()
        submissions.record_try(archive, going, state=SubmissionState.ACCEPTED)
    assert rows(station)[-1].submission_state is SubmissionState.ACCEPTED


def test_only_the_latest_of_what_waits_under_one_id_is_sent(station: Station) -> None:
    """A report that backs off does not come to the server after the newer one that replaced it."""
    code(station, 2)
    replayed(station, submit_to_server=True)
    with Archive.open(station.archive_root) as archive:
        (first,) = due(archive)
        later = utc_now() + timedelta(seconds=60)
        submissions.record_try(archive, first, state=SubmissionState.WAITING, reason="no answer", next_try_at=later)
    code(station, 3)
    replayed(station, submit_to_server=True)
    assert [each.submission_state.value for each in rows(station)] == ["ACCEPTED", "WITHHELD", "WAITING"]
    station.run()
    assert limits(station) == [[1, 3]]


def test_a_replay_that_waits_is_no_disagreement(station: Station) -> None:
    """A source that is done stays done while a replay's report of it waits: ``status`` agrees."""
    code(station, 2)
    replayed(station, submit_to_server=True)
    with Client.from_config(station.write_config()) as client:
        assert client.status().disagreements == ()


def test_entries_whose_reports_are_not_kept_can_be_replayed(tmp_path: Path) -> None:
    """With ``archive_output_reports`` off nothing can be compared, and the verdict on record counts still."""
    with Station(tmp_path) as station:
        code(station, 1)
        (station.add("ict", "own.Limited", archive_output_reports=False) / "SN1.log").write_text("x")
        station.run()
        code(station, 2)
        done = replayed(station, submit_to_server=True)
        assert (done.by_comparison, done.effects) == ({"nothing_before": 1}, {"replaces": 1})
        station.run()
        assert limits(station) == [[1, 2]]
        code(station, 2, "F")
        assert replayed(station, submit_to_server=True).verdict_changes == (("SN1", "P", "F"),)


def test_what_the_server_has_is_sent_again_while_another_report_of_its_id_waits(station: Station) -> None:
    """A report is not left out as unchanged when one that still waits would come after what the server has."""
    code(station, 2)
    replayed(station, submit_to_server=True)
    code(station, 1)
    assert replayed(station, submit_to_server=True).effects == {"replaces": 1}
    station.run()
    assert limits(station) == [[1, 1]]


def test_a_rollback_lets_wait_again_what_its_run_replaced(station: Station) -> None:
    """A report that waited, and that a later run's took the place of, is not lost with that run."""
    code(station, 2)
    replayed(station, submit_to_server=True)
    code(station, 3)
    rolled_back(station, replayed(station, submit_to_server=True))
    assert [each.submission_state.value for each in rows(station)] == ["ACCEPTED", "WAITING", "WITHHELD"]
    station.run()
    assert limits(station) == [[1, 2]]


def test_a_rollback_lets_nothing_wait_whose_bytes_are_purged(station: Station) -> None:
    """A purged entry's reports have no document any more: none of them is put into the outbox."""
    code(station, 2)
    replayed(station, submit_to_server=True)
    code(station, 3)
    done = replayed(station, submit_to_server=True)
    with Archive.open(station.archive_root) as archive:
        enforcing.purge_named(archive, [station.entry().archive_id], actor="it", unsubmitted=True)
    rolled_back(station, done)
    assert SubmissionState.WAITING not in {each.submission_state for each in rows(station)}


def test_a_rollback_sends_nothing_over_what_its_run_sent(station: Station) -> None:
    """What of the run the server has already stays there: what it replaced stays withheld."""
    code(station, 2)
    replayed(station, submit_to_server=True)
    code(station, 3)
    done = replayed(station, submit_to_server=True)
    station.run()
    rolled_back(station, done)
    station.run()
    assert limits(station) == [[1, 3]]


def test_an_id_that_the_server_knows_goes_before_one_it_never_had(station: Station) -> None:
    """Where a failed conversion without reports is shown, a rolled-back new id is not taken for the next report."""
    code(station, 2, first="raise ValueError('no')")
    replayed(station)
    code(station, 2)
    rolled_back(station, replayed(station, submit_to_server=True, new_id=True))
    assert shown(station).status.value == "FAILED"
    code(station, 3)
    replayed(station, submit_to_server=True)
    station.run()
    assert limits(station) == [[1, 3]]


def test_each_rollback_goes_back_behind_those_before(station: Station) -> None:
    """A conversion that was set back is not shown again by the next rollback."""
    for limit in (2, 3):
        code(station, limit)
        rolled_back(station, replayed(station))
    assert shown(station).attempt == 1


def test_original_code_that_is_killed_is_on_record_as_itself(station: Station) -> None:
    """A timeout of yesterday's code does not make a record of today's version."""
    slow = 'import time; time.sleep(float(context.arguments.get("seconds", 0)))'
    code(station, 1, first=slow, version="1")
    (station.root / "ict" / "watch" / "SN2.log").write_text("y")
    station.run()
    station.sections[0] |= {"arguments": {"seconds": "60"}, "timeout_seconds": 1.5}
    code(station, 1, version="2")
    ids = [station.entries()[1].archive_id]
    request = ReplayRequest(use_current_converter=False)
    engine(station, lambda e: e.start(ids, request, processes=1))
    with station.archive() as archive:
        first, second = archive.details(ids[0]).conversions
    assert (second.status.value, second.converter_version) == ("FAILED", "1")
    assert second.code_fingerprint == first.code_fingerprint


def test_code_that_first_came_with_a_replay_is_kept(station: Station) -> None:
    """What a replay recorded can be made again as any other conversion."""
    code(station, 2, version="2")
    replayed(station)
    code(station, 3, version="3")
    assert replayed(station, dry_run=True, use_current_converter=False).by_comparison == {"same": 1}


def test_a_run_that_a_failure_stopped_can_be_resumed(station: Station) -> None:
    """It is not done: the rest is planned still, and is replayed once the cause is mended."""
    for number in range(2, 9):
        (station.root / "ict" / "watch" / f"SN{number}.log").write_text("x")
    station.run()
    code(station, 1, first="raise ValueError('no')")
    stopped = replayed(station, stop_at_failure=True)
    assert stopped.total_archives == 8 and 0 < stopped.failed < 8
    code(station, 2)
    run = stopped.run_id or 0
    whole = engine(station, lambda e: e.resume(run, processes=1))
    assert (whole.processed, whole.successful) == (8, 8 - stopped.failed)
    assert engine(station, lambda e: e.run(run)).state is RunState.DONE


def test_a_cancelled_run_begins_nothing_more(station: Station) -> None:
    """After a cancel only running replays are completed."""
    for number in range(2, 31):
        (station.root / "ict" / "watch" / f"SN{number}.log").write_text("x")
    station.run()
    with Client.from_config(station.write_config()) as client:
        mine = client.reprocessing(actor="engineer")

        def on_progress(done: int, of: int, archive_id: str) -> None:
            if done == 1:
                mine.cancel(1)

        ids = [entry.archive_id for entry in station.entries()]
        done = mine.start(ids, ReplayRequest(), processes=1, on_progress=on_progress)
        assert done.processed < 10 and mine.run(1).state is RunState.CANCELLED


def test_a_refused_run_is_not_on_record(station: Station) -> None:
    """Where another replay goes on, nothing is left that would look as if it could be resumed."""
    with Archive.open(station.archive_root) as archive, runs.reprocessing(archive), pytest.raises(RunRunning):
        replayed(station)
    assert engine(station, lambda e: e.runs()) == ()


def test_nothing_becomes_suspended_by_a_replay(station: Station) -> None:
    """Nobody would try it again and no purge could take it: the entry stays as it was, and the run says why."""
    code(station, 1, first="return ConverterResult.suspended_result('not yet')")
    done = replayed(station)
    assert done.skipped_because == {"it would be suspended: not yet": 1}
    assert shown(station).attempt == 1


def test_a_fingerprint_is_never_given_to_a_converter(station: Station) -> None:
    """Where only fingerprints of the original parameters are on record, or a secret is gone, nothing is made up."""
    station.sections[0]["arguments"] = {"greeting": "moin", "password": "secret"}
    (station.root / "SN2.log").write_text("y")
    config = read_station_config(station.write_config())
    with Archive.open(station.archive_root, own=True) as archive:  # by one who knows no schema of the arguments
        interceptor = ArchiveInterceptor(archive, config.converters[0], key=load_key(station.root))
        entry = interceptor.pre_convert(station.root / "SN2.log")
        failed = ConversionResult(status=ConversionStatus.FAILED, error="killed")
        interceptor.post_convert(entry, failed)
    (reason,) = replayed(station, use_current_parameters=False).skipped_because
    assert "'greeting'" in reason
    replayed(station)
    station.sections[0]["arguments"] = {}
    replayed(station, use_current_parameters=False)
    with station.archive() as archive:
        now = current(archive, station.entries()[1].archive_id)
        assert json.loads(archive.document(now.reports[0]))["told"] == {"greeting": "moin"}


def test_two_conversions_at_once_give_one_ordinal_one_id(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that the service overtakes before it is on record is not recorded: its report might have another id."""
    write = conversions._archive_reports

    def overtaken(archive: Archive, new: conversions.NewConversion, *more: Any) -> None:
        write(archive, new, *more)
        if new.run_item:
            live = replace(new.conversion, run_id=None)
            conversions.record_conversion(archive, conversions.NewConversion(conversion=live, documents=new.documents))

    monkeypatch.setattr(conversions, "_archive_reports", overtaken)
    (reason,) = replayed(station).skipped_because
    assert "another conversion of it was recorded in between" in reason
    assert len(rows(station)) == 2 and shown(station).run_id is None
