"""Conversions on record, each with its reports."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pywats_archive.archive.core import Archive
from pywats_archive.archive.report_ids import withheld
from pywats_archive.archive.report_ids.assignment import Identity, as_new, identities
from pywats_archive.archive.report_ids.pairing import paired, unpaired
from pywats_archive.archive.results import appended
from pywats_archive.archive.results.current import current
from pywats_archive.archive.results.document import fields_of, read
from pywats_archive.archive.results.likeness import alike
from pywats_archive.archive.results.reports import Place, archive_report
from pywats_archive.archive.results.submissions import submission_event
from pywats_archive.blobs.store import Blob
from pywats_archive.catalog import arrivals, conversions, entries, events, reports, runs
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import AlreadyDone, BlobMissing, Overtaken
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.event import Event
from pywats_archive.models.ids import day_of
from pywats_archive.models.operation.replay import ItemResult
from pywats_archive.models.pairing import Pairing
from pywats_archive.models.report import Report, ReportSummary, SubmissionState, summarize
from pywats_archive.models.time import later

REPLACED = "a later conversion's report is sent instead"
"""Why a waiting report is withheld once a later one with its id is sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewConversion:
    """A conversion to be recorded, and the arrival that continues with it."""

    conversion: Conversion
    documents: Sequence[bytes] = ()
    summaries: Sequence[ReportSummary] = ()
    """Those of the documents, in their order, if the caller knows them; otherwise they are read from the documents."""
    submit: bool = True
    compression_level: int = 6
    arrival_id: int | None = None
    arrival_state: ArrivalState | None = None
    reason: str | None = None
    retry_after: timedelta | None = None
    attempts: int = 0
    withheld: Collection[int] = ()
    """Ordinals of reports that are not sent, whatever ``submit`` says."""
    withheld_because: str | None = None
    """Why no report is sent without ``submit``; None: none was meant to be sent."""
    pairing: Pairing | None = None
    """Which report continues which earlier one; None: decided by their tests."""
    new_ids: bool = False
    """Reports get new ids, and not those of the reports that they continue."""
    allow_same_id: bool = False
    """A report may have the id of another source's report."""
    append: bool = False
    """Its file may grow: its reports may be those of the file's earlier entries."""
    run_item: ItemResult | None = None
    """The result that a run stores for it, in the same commit."""
    is_first: bool = False
    """Its entry has no reports yet, as far as the caller knows; they are looked up only if the commit finds some."""


def record_conversion(archive: Archive, new: NewConversion) -> tuple[Report, ...]:
    """Archive the reports of a conversion, then commit it with them; all durable once this returns (invariant 4).

    A report keeps the id of the report that it continues (``pairing``). It is recorded as refused if a person must say what
    it continues, or if it has the id of another source's report. An older report that waits under an id that is sent now is
    withheld. StorageError leaves no row; Overtaken, a StorageError too, means that another conversion was recorded meanwhile.
    """
    archive_id = new.conversion.archive_id
    before = () if new.is_first else archive.reports_of(archive_id)
    written: list[_Written] = []
    try:
        _archive_reports(archive, new, before, written)
        return archive.write(lambda tx: _commit(tx, archive, new, before, written))
    except Exception as exc:
        archive.remove_uncommitted(archive_id, [each.blob for each in written])
        if isinstance(exc, Overtaken) and new.is_first:
            return record_conversion(archive, replace(new, is_first=False))
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """A report that is archived and has no row yet."""

    blob: Blob
    report: Report
    identity: Identity
    same: Report | None = None
    """The report of another entry of the same file under its id, if the documents are equal and the server has it."""


def _archive_reports(archive: Archive, new: NewConversion, before: Sequence[Report], written: list[_Written]) -> None:
    archive_id = new.conversion.archive_id
    summaries = new.summaries or [summarize(fields_of(body)) for body in new.documents]
    pairing = new.pairing or _pairing(archive, new, before, summaries)
    taken = [*(report.report_id for report in before), *pairing.earlier_ids]
    named = identities(archive_id, new.documents, summaries, pairing.pairs, taken=taken, new_ids=new.new_ids)
    for ordinal, (body, summary, identity) in enumerate(zip(new.documents, summaries, named, strict=True), 1):
        is_sent = new.submit and ordinal not in new.withheld
        state = SubmissionState.WAITING if is_sent else SubmissionState.WITHHELD
        document = read(body, fixed_id=identity.report_id, spare_id=uuid.UUID(int=0), summary=summary)
        place = Place(archive_id=archive_id, ordinal=ordinal, number=len(before) + ordinal)
        blob, report = archive_report(archive, place, document, state, new.compression_level)
        if not new.submit:
            report = replace(report, last_error=new.withheld_because)
        written.append(_Written(blob=blob, report=report, identity=identity))
    if new.append and new.pairing is None:
        same = appended.unchanged(archive, [each.report for each in written], new.documents)
        written[:] = [replace(each, same=same.get(each.report.ordinal)) for each in written]


def _pairing(
    archive: Archive, new: NewConversion, before: Sequence[Report], summaries: Sequence[ReportSummary]
) -> Pairing:
    if not (before or (new.append and new.documents)):  # the first conversion, as nearly all are
        return unpaired(len(summaries))
    now = current(archive, new.conversion.archive_id)
    if new.append:
        now = appended.with_formers(archive, now)
    latest = tuple(now.accepted.values()) if now.is_grown else before
    return paired(now.earlier, as_new(summaries), alike=alike(archive, latest, new.documents), is_grown=now.is_grown)


def show(tx: Connection, archive: Archive, conversion: Conversion, of_it: Sequence[Report]) -> None:
    """Show a conversion and its reports as the entry's own, kept as long as the policy says for its status."""
    is_failed = conversion.status is ConversionStatus.FAILED
    policy = archive.policies.effective(conversion.converter_name)
    until = policy.kept_until(day_of(conversion.archive_id), failed=is_failed)
    entries.apply_conversion(tx, conversion.archive_id, conversion, of_it, retention_until=until)


def _commit(
    tx: Connection,
    archive: Archive,
    new: NewConversion,
    before: Sequence[Report],
    written: Sequence[_Written],
) -> tuple[Report, ...]:
    _require_nothing_between(tx, new, before)
    decided = [withheld.decide(tx, each.report, each.identity, new) for each in written]
    if new.append:
        pairs = zip(decided, written, strict=True)
        decided = [replace(each, report=appended.decide(tx, each.report, its.same)) for each, its in pairs]
        appended.withhold_older(tx, [each.report for each in decided])
    warnings = (*new.conversion.warnings, *(warning for each in decided for warning in each.warnings))
    conversion = replace(new.conversion, warnings=warnings) if warnings != new.conversion.warnings else new.conversion
    _withhold_older(tx, before, [each.report for each in decided])
    number = conversions.add(tx, conversion)
    for each in written:
        archive.blobs.sync_name(each.blob)
    kept = tuple(replace(each.report, conversion_id=number) for each in decided)
    for report in kept:
        reports.add(tx, report)
    show(tx, archive, conversion, kept)
    if new.arrival_id is not None and new.arrival_state is not None:
        arrivals.change(
            tx,
            new.arrival_id,
            state=new.arrival_state,
            now=(now := archive.now()),
            reason=new.reason,
            retry_at=None if new.retry_after is None else later(now, new.retry_after),
            attempts=new.attempts,
        )
    events.append(tx, _conversion_event(archive, conversion, kept))
    for report in kept:
        if report.submission_state is SubmissionState.REFUSED:
            events.append(tx, submission_event(archive, report))
    return kept


def _require_nothing_between(tx: Connection, new: NewConversion, before: Sequence[Report]) -> None:
    """Raise unless the entry is as it was when it was converted, so that no test gets two ids; for a run, record its item."""
    conversion = new.conversion
    if conversion.run_id is not None:
        if new.run_item and not runs.set_item(tx, conversion.run_id, new.run_item):
            raise AlreadyDone(f"{conversion.archive_id}: run {conversion.run_id} has replayed it already")
        if entries.get(tx, conversion.archive_id).purged_at:
            raise BlobMissing("purged while it was replayed")
        arrival = arrivals.of_entry(tx, conversion.archive_id)
        if arrival and not arrival.state.is_final:
            raise Overtaken("the service continued with it while it was replayed")
    if reports.count_of_entry(tx, conversion.archive_id) != len(before):
        raise Overtaken(
            f"{conversion.archive_id}: another conversion of it was recorded in between; it is converted again"
        )


def _withhold_older(tx: Connection, before: Sequence[Report], new: Sequence[Report]) -> None:
    """Withhold older reports with the ids that are sent now: sent later, they would replace the newer ones."""
    waiting = SubmissionState.WAITING
    sent = {report.report_id for report in new if report.submission_state is waiting}
    for report in before:
        if report.submission_state is waiting and report.report_id in sent:
            reports.withhold(tx, report, reason=REPLACED)


def _conversion_event(archive: Archive, conversion: Conversion, kept: Sequence[Report]) -> Event:
    details = {
        "converter_name": conversion.converter_name,
        "converter_version": conversion.converter_version,
        "code_fingerprint": conversion.code_fingerprint,
        "parameters": conversion.parameters,
        "status": conversion.status.value,
        "error": conversion.error,
        "reports": [{"report_id": r.report_id, "blob": r.archived_path, "checksum": r.checksum} for r in kept],
    }
    return Event(kind="conversion.recorded", at=archive.now(), archive_id=conversion.archive_id, details=details)
