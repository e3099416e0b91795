"""Runs on record: their start with all planned entries, the result of each entry, and their rollback."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pywats_archive.archive import decision_log
from pywats_archive.archive.compliance import approvals
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import account, locks
from pywats_archive.archive.results import appended, conversions
from pywats_archive.archive.results.current import current, current_of
from pywats_archive.catalog import events, reports, run_outcomes, runs
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.runs import item_as_json as item_as_json  # noqa: PLC0414 (for results outside of an archive)
from pywats_archive.catalog.runs import item_of as item_of  # noqa: PLC0414
from pywats_archive.errors import UnknownRun
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.event import Event
from pywats_archive.models.operation.replay import ItemResult, ReplayRequest, Rollback, Run, RunState
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.retention.compliance import Act, Rule

_PAGE = 500
_RECOVERY_S = 2.0
"""How long to wait for a starting service that repairs reports after a crash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aftermath:
    """What became of a run: see the fields of the same name of ``ReprocessingResult``."""

    ended_at: datetime | None
    ended_by: str | None
    submissions: dict[str, int]
    shown: int


@contextmanager
def reprocessing(archive: Archive) -> Iterator[None]:
    """Be the only process that replays; RunRunning if another one does."""
    archive.require_present()  # on an unavailable archive a lock would create a folder in its place
    account.require_owner(archive.root)
    with locks.nobody_replaying(archive.root, timeout_s=_RECOVERY_S):
        yield


def begin(archive: Archive, request: ReplayRequest, archive_ids: Sequence[str], *, actor: str) -> int:
    """Record a run with all its planned entries; returns its number.

    In a compliant archive ComplianceRefused without a reason, and NeedsApproval if it sends reports; not for a dry run.
    """
    require_reason(archive, request, actor=actor)
    if request.submit_to_server:
        approvals.require(archive, Act.REPLAY, _subject(request, archive_ids), actor=actor)

    def unit(tx: Connection) -> int:
        now = archive.now()
        number = runs.add(tx, request.as_details(), archive_ids, actor=actor, now=now)
        details = {"run_id": number, "entries": len(archive_ids), "request": request.as_details()}
        events.append(tx, Event(kind="run.begun", at=now, actor=actor, details=details))
        return number

    return archive.write(unit)


def require_reason(archive: Archive, request: ReplayRequest, *, actor: str) -> None:
    """Raise ComplianceRefused if a replay that changes something in a compliant archive has no reason."""
    if not request.dry_run and request.reason is None and archive.is_compliant:
        archive.compliance.refuse(Rule.REASON, "give one with --reason", actor=actor, request=request.as_details())


def _subject(request: ReplayRequest, archive_ids: Sequence[str]) -> dict[str, Any]:
    """Return what a person approves: how, and exactly which entries; words that chose them may choose others later."""
    how = {name: value for name, value in request.as_details().items() if name != "selection"}
    digest = hashlib.sha256("\n".join(archive_ids).encode()).hexdigest()
    return {"request": how, "entries": len(archive_ids), "first_entry": archive_ids[0], "entries_sha256": digest}


def get(archive: Archive, run_id: int) -> Run:
    """Return a run; UnknownRun if there is none."""
    if not isinstance(run_id, int) or not 0 < run_id < 2**63:
        raise UnknownRun("no run has such a number; 'pywats-archive reprocess list' shows the runs")
    with archive.read() as db:
        return runs.get(db, run_id)


def latest(archive: Archive, limit: int = 100) -> tuple[Run, ...]:
    """Return the latest runs, newest first."""
    with archive.read() as db:
        return runs.latest(db, limit)


def aftermath(archive: Archive, run_id: int) -> Aftermath:
    """Return what became of a run after its entries were replayed."""
    with archive.read() as db:
        at, actor = run_outcomes.ended(db, run_id) or (None, None)
        return Aftermath(
            ended_at=at,
            ended_by=actor,
            submissions=run_outcomes.submissions(db, run_id),
            shown=run_outcomes.shown(db, run_id),
        )


def planned(archive: Archive, run_id: int, limit: int) -> tuple[str, ...]:
    """Return the next entries that are still planned."""
    with archive.read() as db:
        return runs.planned(db, run_id, limit)


def items(archive: Archive, run_id: int) -> Iterator[ItemResult]:
    """Stream the result of each entry; the catalog is not read while a result is used."""
    after = 0
    while True:
        with archive.read() as db:
            page, after = runs.items(db, run_id, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return


def same_since(
    archive: Archive, since: int | None, request: ReplayRequest, archive_ids: Collection[str] | None = None
) -> int | None:
    """Return the newest run behind a number with the same request and, unless None, the same entries; None without one."""
    if since is None:
        return None
    with archive.read() as db:
        return runs.same_since(db, since, request.as_details(), archive_ids)


def record_item(archive: Archive, run_id: int, result: ItemResult) -> None:
    """Record the result of an entry without a recorded conversion: of a dry run, or a skipped one."""
    archive.write(lambda tx: runs.set_item(tx, run_id, result))


def end(archive: Archive, run_id: int, state: RunState, *, actor: str) -> None:
    """Record that a run was cancelled or rolled back."""
    archive.write(lambda tx: _end(tx, archive, run_id, state, actor))


def cancel_all(archive: Archive, *, actor: str) -> None:
    """Record that every run that is still to be carried out is cancelled."""

    def unit(tx: Connection) -> None:
        for run_id in runs.running(tx):
            _end(tx, archive, run_id, RunState.CANCELLED, actor)

    archive.write(unit)


def end_if_done(archive: Archive, run_id: int, *, actor: str) -> None:
    """Record that a run is done, if none of its entries is left and nobody cancelled it meanwhile."""

    def unit(tx: Connection) -> None:
        run = runs.get(tx, run_id)
        if run.state is RunState.RUNNING and not run.planned:
            _end(tx, archive, run_id, RunState.DONE, actor)

    archive.write(unit)


def is_going_on(archive: Archive, run_id: int) -> bool:
    """Whether a run is neither cancelled nor done; costs one row."""
    with archive.read() as db:
        return runs.state(db, run_id) is RunState.RUNNING


def _end(tx: Connection, archive: Archive, run_id: int, state: RunState, actor: str) -> None:
    runs.set_state(tx, run_id, state)
    events.append(tx, Event(kind=f"run.{state.value}", at=archive.now(), actor=actor, details={"run_id": run_id}))


def roll_back(archive: Archive, run_id: int, archive_id: str, *, actor: str) -> Rollback:
    """Show again the conversion that an entry showed before a run; its history stays, and its waiting reports are withheld.

    Reports that waited before the run, and were replaced by its reports, wait again unless one of these was sent.
    """
    now = current(archive, archive_id)
    if now.conversion and now.conversion.run_id == run_id and now.reports:
        decision_log.note_rollback(archive, archive_id, [report.archived_path for report in now.reports])
    return archive.write(lambda tx: _roll_back(tx, archive, run_id, archive_id, actor))


def _roll_back(tx: Connection, archive: Archive, run_id: int, archive_id: str, actor: str) -> Rollback:
    now = current_of(tx, archive_id)
    shown = now.conversion
    if shown is None or shown.run_id != run_id:
        return Rollback(
            archive_id=archive_id, is_set_back=False, reason="it shows another conversion than that of the run"
        )
    before = [each for each in now.past if each.attempt < shown.attempt and not _is_rolled_back(tx, each)]
    if not before:
        return Rollback(archive_id=archive_id, is_set_back=False, reason="it was not converted before the run")
    for report in now.reports:
        if report.submission_state is SubmissionState.WAITING:
            reports.withhold(tx, report, reason=f"run {run_id} was rolled back")
    every = reports.of_entry(tx, archive_id)
    shown_again = [each for each in every if each.conversion_id == before[-1].conversion_id]
    conversions.show(tx, archive, before[-1], shown_again)
    sent = tuple(each.report_id for each in now.reports if each.submission_state is SubmissionState.ACCEPTED)
    for report in shown_again:
        # A report that the server has of the run, or gets of a later entry, stays there.
        stays = report.report_id in sent or appended.taken_over_by(tx, report.report_id, of=archive_id)
        if not stays and not now.entry.purged_at:
            reports.let_wait_again(tx, report, withheld_because=conversions.REPLACED)
    details: dict[str, Any] = {"run_id": run_id, "from_attempt": shown.attempt, "to_attempt": before[-1].attempt}
    details["submitted"] = list(sent)
    event = Event(kind="conversion.set_back", at=archive.now(), archive_id=archive_id, actor=actor, details=details)
    events.append(tx, event)
    return Rollback(archive_id=archive_id, is_set_back=True, submitted_ids=sent)


def _is_rolled_back(tx: Connection, conversion: Conversion) -> bool:
    return conversion.run_id is not None and runs.get(tx, conversion.run_id).state is RunState.ROLLED_BACK
