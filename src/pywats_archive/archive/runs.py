"""Runs on record: begun with all they are about, each entry's end once, and set back again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pywats_archive.archive import account, appended, journal, locking, record
from pywats_archive.archive.core import Archive
from pywats_archive.archive.current import current, current_of
from pywats_archive.catalog import events, reports, runs
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import UnknownRun
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.event import Event
from pywats_archive.models.replay import ItemResult, ReplayRequest, Run, RunState
from pywats_archive.models.report import SubmissionState

_RECOVERY_S = 2.0
"""How long to wait for a service that starts, and looks at what a crash left of reports."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetBack:
    """What a rollback did with one entry."""

    archive_id: str
    is_set_back: bool
    reason: str | None = None
    """Why not."""
    submitted_ids: tuple[str, ...] = ()
    """Reports of the run that the server has: they are not taken back there."""


@contextmanager
def reprocessing(archive: Archive) -> Iterator[None]:
    """Be the only one who replays meanwhile, of all processes; RunRunning otherwise."""
    archive.require_present()  # where it is away, a lock would make a folder in its place
    account.require_owner(archive.root)
    with locking.nobody_replaying(archive.root, timeout_s=_RECOVERY_S):
        yield


def begin(archive: Archive, request: ReplayRequest, archive_ids: Sequence[str], *, actor: str) -> int:
    """Put a run on record with all it is about; gives its number."""

    def unit(tx: Connection) -> int:
        now = archive.now()
        number = runs.add(tx, request.told(), archive_ids, actor=actor, now=now)
        details = {"run_id": number, "entries": len(archive_ids), "request": request.told()}
        events.append(tx, Event(kind="run.begun", at=now, actor=actor, details=details))
        return number

    return archive.write(unit)


def get(archive: Archive, run_id: int) -> Run:
    """Give a run; UnknownRun when there is none."""
    if not isinstance(run_id, int) or not 0 < run_id < 2**63:
        raise UnknownRun("no run has such a number; 'pywats-archive reprocess list' shows those there are")
    with archive.read() as db:
        return runs.get(db, run_id)


def latest(archive: Archive, limit: int = 100) -> tuple[Run, ...]:
    """Give the latest runs, newest first."""
    with archive.read() as db:
        return runs.latest(db, limit)


def planned(archive: Archive, run_id: int, limit: int) -> tuple[str, ...]:
    """Give the next entries that nothing was done about yet."""
    with archive.read() as db:
        return runs.planned(db, run_id, limit)


def items(archive: Archive, run_id: int) -> Iterator[ItemResult]:
    """Stream what came of each entry."""
    with archive.read() as db:
        yield from runs.items(db, run_id)


def keep(archive: Archive, run_id: int, result: ItemResult) -> None:
    """Keep what came of an entry of which no conversion is recorded: a dry run's, or one that was skipped."""
    archive.write(lambda tx: runs.set_item(tx, run_id, result))


def end(archive: Archive, run_id: int, state: RunState, *, actor: str) -> None:
    """Put on record that a run was cancelled or rolled back."""
    archive.write(lambda tx: _end(tx, archive, run_id, state, actor))


def end_if_done(archive: Archive, run_id: int, *, actor: str) -> None:
    """Put on record that a run is done, if nothing of it is left to do and nobody cancelled it meanwhile."""

    def unit(tx: Connection) -> None:
        run = runs.get(tx, run_id)
        if run.state is RunState.RUNNING and not run.planned:
            _end(tx, archive, run_id, RunState.DONE, actor)

    archive.write(unit)


def is_going_on(archive: Archive, run_id: int) -> bool:
    """Tell whether a run was not cancelled, and is not done; costs one row."""
    with archive.read() as db:
        return runs.state(db, run_id) is RunState.RUNNING


def _end(tx: Connection, archive: Archive, run_id: int, state: RunState, actor: str) -> None:
    runs.set_state(tx, run_id, state)
    events.append(tx, Event(kind=f"run.{state.value}", at=archive.now(), actor=actor, details={"run_id": run_id}))


def set_back(archive: Archive, run_id: int, archive_id: str, *, actor: str) -> SetBack:
    """Show the conversion again that an entry showed before a run; no history is lost, and what waits is not sent.

    What waited before the run, and gave way to its reports, waits again where none of these was sent.
    """
    now = current(archive, archive_id)
    if now.conversion and now.conversion.run_id == run_id and now.reports:
        journal.note_set_back(archive, archive_id, [report.archived_path for report in now.reports])
    return archive.write(lambda tx: _set_back(tx, archive, run_id, archive_id, actor))


def _set_back(tx: Connection, archive: Archive, run_id: int, archive_id: str, actor: str) -> SetBack:
    now = current_of(tx, archive_id)
    shown = now.conversion
    if shown is None or shown.run_id != run_id:
        return SetBack(
            archive_id=archive_id, is_set_back=False, reason="it shows another conversion than that of the run"
        )
    before = [each for each in now.past if each.attempt < shown.attempt and not _is_rolled_back(tx, each)]
    if not before:
        return SetBack(archive_id=archive_id, is_set_back=False, reason="it was not converted before the run")
    for report in now.reports:
        if report.submission_state is SubmissionState.WAITING:
            reports.withhold(tx, report, reason=f"run {run_id} was rolled back")
    every = reports.of_entry(tx, archive_id)
    shown_again = [each for each in every if each.conversion_id == before[-1].conversion_id]
    record.show(tx, archive, before[-1], shown_again)
    sent = tuple(each.report_id for each in now.reports if each.submission_state is SubmissionState.ACCEPTED)
    for report in shown_again:
        is_left = report.report_id in sent or appended.taken_over_by(tx, report.report_id, of=archive_id)
        if (
            not is_left and not now.entry.purged_at
        ):  # what the server has of the run, or gets of a later entry, stays there
            reports.let_wait_again(tx, report, withheld_because=record.REPLACED)
    details: dict[str, Any] = {"run_id": run_id, "from_attempt": shown.attempt, "to_attempt": before[-1].attempt}
    details["submitted"] = list(sent)
    told = Event(kind="conversion.set_back", at=archive.now(), archive_id=archive_id, actor=actor, details=details)
    events.append(tx, told)
    return SetBack(archive_id=archive_id, is_set_back=True, submitted_ids=sent)


def _is_rolled_back(tx: Connection, conversion: Conversion) -> bool:
    return conversion.run_id is not None and runs.get(tx, conversion.run_id).state is RunState.ROLLED_BACK
