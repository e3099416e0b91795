"""After a rebuild from a copy nothing older is sent over something newer, and nothing under a second id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.acceptance.test_rebuilt_from_copy import copied, rebuilt
from tests.aged import Aged

from pywats_archive.archive import decision_log, ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import appended, conversions, reports, runs, submissions
from pywats_archive.archive.results.current import current
from pywats_archive.catalog import arrivals, events, ledger_checks
from pywats_archive.errors import UsageError
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.operation.integrity import ProblemKind
from pywats_archive.models.operation.replay import ReplayRequest, RunState
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.reprocessing import runner

ACCEPTED, WAITING, WITHHELD = SubmissionState.ACCEPTED, SubmissionState.WAITING, SubmissionState.WITHHELD
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def aged(tmp_path: Path) -> Iterator[Aged]:
    made = Aged(tmp_path)
    yield made
    made.archive.close()


def conversion_of(aged: Aged, entry: ArchiveEntry) -> Conversion:
    return Conversion(
        archive_id=entry.archive_id,
        attempt=0,
        started_at=aged.now,
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="c",
        converter_class="m.C",
    )


def converted(
    aged: Aged,
    entry: ArchiveEntry,
    step: str,
    *,
    state: SubmissionState = ACCEPTED,
    new_ids: bool = False,
    own_id: str = "",
) -> Report:
    """Record a conversion whose report, of always the same test, says ``step``; a minute later it is answered."""
    conversion = conversion_of(aged, entry)
    aged.now += timedelta(minutes=1)
    body = f'{{"id":"{own_id}","sn":"S1","pn":"P","processCode":10,"start":"2026-01-01T00:00:00Z","x":"{step}"}}'
    (report,) = conversions.record_conversion(
        aged.archive,
        conversions.NewConversion(
            conversion=conversion, documents=[body.encode()], new_ids=new_ids, allow_same_id=bool(own_id)
        ),
    )
    submissions.record_try(aged.archive, report, state=state, reason="because")
    return report


def states(aged: Aged, entry: ArchiveEntry) -> list[SubmissionState]:
    return [report.submission_state for report in aged.archive.reports_of(entry.archive_id)]


def damage(aged: Aged, report: Report, position: int) -> None:
    path = aged.archive.root / report.archived_path
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("position, kind", [(-12, ProblemKind.BLOB_DAMAGED), (0, ProblemKind.HEADER_DAMAGED)])
def test_an_older_report_is_not_sent_over_a_damaged_one(aged: Aged, position: int, kind: ProblemKind) -> None:
    """The server may have what cannot be read here (invariant 4)."""
    entry = aged.add(status=None)
    first = converted(aged, entry, "v1", state=WAITING)
    copied(aged.archive)
    damage(aged, converted(aged, entry, "v2"), position)
    done = rebuilt(aged)
    assert [each.kind for each in done.problems] == [kind]
    is_added = kind is ProblemKind.BLOB_DAMAGED
    assert states(aged, entry) == [WITHHELD] * (1 + is_added)
    assert [each.report_id for each in current(aged.archive, entry.archive_id).earlier] == [first.report_id]
    assert converted(aged, entry, "v3").report_id == first.report_id


def test_an_older_report_of_the_same_id_in_another_spelling_is_not_sent(aged: Aged) -> None:
    """To the server both are one id."""
    first = aged.add(status=None)
    converted(aged, first, "v1", state=WAITING, own_id=GUID)
    alone = aged.add(status=None)
    converted(aged, alone, "v1", state=WAITING)
    copied(aged.archive)
    second = aged.add(status=None)
    converted(aged, second, "v2", own_id=GUID.upper())
    assert rebuilt(aged).problems == ()
    assert (states(aged, first), states(aged, alone)) == ([WITHHELD], [WAITING])


def test_what_the_server_accepted_before_a_younger_report_counts_no_longer(aged: Aged) -> None:
    """Going back to the first document is a change; it is sent, and not taken as unchanged."""
    entry = aged.add(status=None)
    first = converted(aged, entry, "v1")
    untouched = aged.add(status=None)
    other = converted(aged, untouched, "v1")
    copied(aged.archive)
    converted(aged, entry, "v2")
    rebuilt(aged)
    now = current(aged.archive, entry.archive_id)
    assert (now.conversion, now.reports, dict(now.accepted)) == (None, (), {})
    assert now.entry.report_archived_path != first.archived_path and now.entry.rebuilt_at == aged.now
    with aged.archive.read() as db:
        assert appended.at_server(db, first.report_id) is None
        there = appended.at_server(db, other.report_id)
    assert there and there.archived_path == other.archived_path
    last = converted(aged, entry, "v1")
    assert last.report_id == first.report_id and list(current(aged.archive, entry.archive_id).accepted) == [
        first.report_id
    ]


def test_a_younger_new_id_is_alone_in_force(aged: Aged) -> None:
    """The next conversion continues it, as it would have without the loss."""
    entry = aged.add(status=None)
    converted(aged, entry, "v1")
    copied(aged.archive)
    second = converted(aged, entry, "v2", new_ids=True)
    rebuilt(aged)
    assert [each.report_id for each in current(aged.archive, entry.archive_id).earlier] == [second.report_id]
    assert converted(aged, entry, "v3").report_id == second.report_id


def test_a_younger_new_id_that_was_rolled_back_is_not_in_force(aged: Aged) -> None:
    """The entry shows the conversion of the copy, under its id."""
    entry = aged.add(status=None)
    first = converted(aged, entry, "v1")
    copied(aged.archive)
    second = converted(aged, entry, "v2", new_ids=True)
    decision_log.note_rollback(aged.archive, entry.archive_id, [second.archived_path])
    rebuilt(aged)
    now = current(aged.archive, entry.archive_id)
    assert [each.report_id for each in now.reports] == [first.report_id]
    assert [each.report_id for each in now.earlier] == [first.report_id]


@pytest.mark.parametrize("own_ids", [(None, None), (GUID, GUID.replace("0f", "1f"))])
@pytest.mark.parametrize("has_copy", [True, False])
def test_a_younger_further_test_of_the_unit_takes_no_id_away(
    aged: Aged, has_copy: bool, own_ids: tuple[str | None, str | None]
) -> None:
    """A corrected converter found one test more in the file; the first keeps its id (invariant 4)."""
    entry = aged.add(status=None)

    def documents(number: int) -> list[bytes]:
        tests = ({"sn": "S1", "processCode": step, "start": f"2026-01-{step}T00:00:00Z"} for step in (10, 20))
        return [json.dumps({"id": each, **test}).encode() for each, test in zip(own_ids, tests, strict=True)][:number]

    def ids(number: int) -> list[str]:
        new = conversions.NewConversion(
            conversion=conversion_of(aged, entry), documents=documents(number), allow_same_id=True
        )
        made = conversions.record_conversion(aged.archive, new)
        aged.now += timedelta(minutes=1)
        for report in made:
            submissions.record_try(aged.archive, report, state=ACCEPTED, reason="because")
        return [report.report_id for report in made]

    first = ids(1)
    if has_copy:
        copied(aged.archive)
    both = ids(2)
    rebuilt(aged)
    assert both[:1] == first
    assert [each.report_id for each in current(aged.archive, entry.archive_id).earlier] == both
    assert ids(2) == both


def test_a_run_of_the_copy_is_not_resumed(aged: Aged) -> None:
    """It may have sent every unit since; a new run knows what is there."""
    entry = aged.add()
    number = runs.begin(aged.archive, ReplayRequest(submit_to_server=True), [entry.archive_id], actor="engineer")
    ended = runs.begin(aged.archive, ReplayRequest(submit_to_server=False), [entry.archive_id], actor="engineer")
    runs.end(aged.archive, ended, RunState.ROLLED_BACK, actor="engineer")
    copied(aged.archive)
    rebuilt(aged, actor="somebody")
    assert [runs.get(aged.archive, each).state for each in (number, ended)] == [
        RunState.CANCELLED,
        RunState.ROLLED_BACK,
    ]
    with aged.archive.read() as db:
        told = [(each.actor, each.details) for each in events.iterate(db) if each.kind == "run.cancelled"]
    assert told == [("somebody", {"run_id": number})]
    with pytest.raises(UsageError, match="start another one"):
        runner.carry_out(aged.archive, None, number, actor="engineer")  # type: ignore[arg-type]


def unfinished(aged: Aged, entry: ArchiveEntry, state: ArrivalState, path: Path, **more: str) -> int:
    """Enter the arrival of an entry, which is not finished."""
    (arrival,) = ledger.enter(aged.archive, "c", [ledger.Sighting(path=str(path), size_bytes=1, mtime_ns=1)])
    aged.archive.write(
        lambda tx: arrivals.change(tx, arrival.number, state=state, now=aged.now, archive_id=entry.archive_id, **more)
    )
    return arrival.number


def arrival_of(aged: Aged, number: int) -> Arrival:
    with aged.archive.read() as db:
        return arrivals.get(db, number)


@pytest.mark.parametrize("state", [ArrivalState.SUSPENDED, ArrivalState.ARCHIVED, ArrivalState.CONVERTING])
def test_a_source_that_was_converted_since_is_not_converted_again(
    aged: Aged, tmp_path: Path, state: ArrivalState
) -> None:
    """It would be sent under a second id; if its file is still there, it leaves as after a conversion."""
    watch, pending = tmp_path / "watch", tmp_path / "pending"
    watch.mkdir()
    places = watch / "gone.log", watch / "there.log", watch / "back.log", tmp_path / "unmounted" / "away.log"
    for path in places[1:3]:
        path.write_text("x")
    entries = [aged.add(status=None) for _ in (*places, None)]
    numbers = [
        unfinished(aged, entry, state, path, **({"moved_to": str(pending / path.name)} if path is places[2] else {}))
        for entry, path in zip(entries, (*places, watch / "untouched.log"), strict=True)
    ]
    copied(aged.archive)
    for entry in entries[:-1]:
        converted(aged, entry, "v1")
    assert rebuilt(aged).problems == ()
    found = [arrival_of(aged, number) for number in numbers]
    gone, left = ArrivalState.DONE, ArrivalState.CONVERTED
    assert [each.state for each in found] == [gone, left, left, left, state]
    assert [each.moved_to for each in found] == ["gone", None, None, None, None]
    with aged.archive.read() as db:
        assert ledger_checks.disagreements(db) == ()


def test_a_report_whose_document_was_removed_since_does_not_wait_for_ever(aged: Aged, tmp_path: Path) -> None:
    """Reports are not kept: it was accepted, and only the lost catalog knew that. A replay sends it again under its id."""
    entry, other = aged.add(status=None), aged.add(status=None)
    number = unfinished(aged, entry, ArrivalState.WAITING, tmp_path / "SN.log")
    report = converted(aged, entry, "v1", state=WAITING)
    converted(aged, other, "v1", state=WAITING)
    copied(aged.archive)
    submissions.record_try(aged.archive, report, state=ACCEPTED, reason=None)
    reports.remove_document(aged.archive, report)
    (problem,) = rebuilt(aged).problems
    assert problem.kind is ProblemKind.BLOB_MISSING and "replay" in problem.message
    assert (states(aged, entry), states(aged, other)) == ([WITHHELD], [WAITING])
    assert arrival_of(aged, number).state is ArrivalState.WAITING  # the next start finishes it
    with aged.archive.read() as db:
        assert appended.at_server(db, report.report_id) is None
    assert converted(aged, entry, "v2").report_id == report.report_id


def test_a_younger_entry_needs_no_arrival(aged: Aged, tmp_path: Path) -> None:
    """The ledger of the copy does not know it, and that is no fault of the ledger."""
    unfinished(aged, aged.add(), ArrivalState.DONE, tmp_path / "SN.log")
    copied(aged.archive)
    aged.now += timedelta(hours=1)
    aged.add()
    assert rebuilt(aged).younger == 1
    with aged.archive.read() as db:
        assert ledger_checks.disagreements(db) == ()


def test_a_noted_rollback_costs_only_its_entry_a_write(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild of millions of entries does not commit for each of them."""
    for _ in range(5):
        aged.add()
    copied(aged.archive)
    write, writes = Archive.write, list[int]()

    def counted(self: Archive, unit: object) -> object:
        writes.append(1)
        return write(self, unit)  # type: ignore[arg-type]

    monkeypatch.setattr(Archive, "write", counted)
    rebuilt(aged)
    without = len(writes)
    decision_log.note_rollback(aged.archive, "another", ["reports/2026/01/01/another.json.gz"])
    writes.clear()
    rebuilt(aged)
    assert len(writes) == without
