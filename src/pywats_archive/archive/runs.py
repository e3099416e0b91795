"""Runs on record: begun with all they are about, each entry's end once, and set back again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pywats_archive.archive import locking
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import conversions, entries, events, reports, runs
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.event import Event
from pywats_archive.models.ids import day_of
from pywats_archive.models.replay import ItemResult, ReplayRequest, Run, RunState
from pywats_archive.models.report import Report, SubmissionState

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
    """Put on record that a run is done, or was cancelled."""

    def unit(tx: Connection) -> None:
        runs.set_state(tx, run_id, state)
        events.append(tx, Event(kind=f"run.{state.value}", at=archive.now(), actor=actor, details={"run_id": run_id}))

    archive.write(unit)


def current(archive: Archive, archive_id: str) -> tuple[ArchiveEntry, Conversion | None, tuple[Report, ...]]:
    """Give an entry with the conversion that it shows, and the reports of that."""
    with archive.read() as db:
        entry = entries.get(db, archive_id)
        shown = _shown(entry, conversions.of_entry(db, archive_id))
        number = shown.conversion_id if shown else None
        mine = tuple(each for each in reports.of_entry(db, archive_id) if each.conversion_id == number)
        return entry, shown, mine


def set_back(archive: Archive, run_id: int, archive_id: str, *, actor: str) -> SetBack:
    """Show the conversion again that an entry showed before a run; no history is lost, and what waits is not sent."""
    return archive.write(lambda tx: _set_back(tx, archive, run_id, archive_id, actor))


def _set_back(tx: Connection, archive: Archive, run_id: int, archive_id: str, actor: str) -> SetBack:
    entry, past = entries.get(tx, archive_id), conversions.of_entry(tx, archive_id)
    shown = _shown(entry, past)
    if shown is None or shown.run_id != run_id:
        return SetBack(
            archive_id=archive_id, is_set_back=False, reason="it shows another conversion than that of the run"
        )
    before = [each for each in past if each.attempt < shown.attempt]
    if not before:
        return SetBack(archive_id=archive_id, is_set_back=False, reason="it was not converted before the run")
    every = reports.of_entry(tx, archive_id)
    of_run = [each for each in every if each.conversion_id == shown.conversion_id]
    for report in of_run:
        if report.submission_state is SubmissionState.WAITING:
            reports.withhold(tx, report, reason=f"run {run_id} was rolled back")
    _show(tx, archive, before[-1], tuple(each for each in every if each.conversion_id == before[-1].conversion_id))
    sent = tuple(each.report_id for each in of_run if each.submission_state is SubmissionState.ACCEPTED)
    details: dict[str, Any] = {"run_id": run_id, "from_attempt": shown.attempt, "to_attempt": before[-1].attempt}
    details["submitted"] = list(sent)
    told = Event(kind="conversion.set_back", at=archive.now(), archive_id=archive_id, actor=actor, details=details)
    events.append(tx, told)
    return SetBack(archive_id=archive_id, is_set_back=True, submitted_ids=sent)


def _show(tx: Connection, archive: Archive, conversion: Conversion, of_it: tuple[Report, ...]) -> None:
    is_failed = conversion.status is ConversionStatus.FAILED
    policy = archive.policies.effective(conversion.converter_name)
    until = policy.kept_until(day_of(conversion.archive_id), failed=is_failed)
    entries.apply_conversion(tx, conversion.archive_id, conversion, of_it, retention_until=until)


def _shown(entry: ArchiveEntry, past: Sequence[Conversion]) -> Conversion | None:
    """The conversion that an entry shows: the latest one of that moment."""
    same = [each for each in past if each.started_at == entry.conversion_timestamp]
    return same[-1] if same else None
