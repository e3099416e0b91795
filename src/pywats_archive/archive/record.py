"""What became of an entry: conversions with their reports, and how far each report got with the server."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pywats_archive.archive import appended, holding, layout, refusals
from pywats_archive.archive.core import Archive
from pywats_archive.archive.current import current
from pywats_archive.archive.document import Document, fields_of, read
from pywats_archive.archive.identities import Identity, as_new, identities, spare_id
from pywats_archive.archive.likeness import alike
from pywats_archive.archive.pairing import paired, unpaired
from pywats_archive.archive.sources import Signature
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.store import UNKNOWN, Blob, Content
from pywats_archive.catalog import arrivals, conversions, entries, events, reports, runs
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import AlreadyDone, BlobMissing, Overtaken, StorageError
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.event import Event
from pywats_archive.models.ids import day_of
from pywats_archive.models.pairing import Pairing
from pywats_archive.models.replay import ItemResult
from pywats_archive.models.report import Report, ReportSummary, SubmissionState, id_key, summarize
from pywats_archive.models.time import UTC

REPLACED = "a later conversion's report is sent instead"
"""Why a report is withheld that waited when another one of its id was put beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewConversion:
    """A conversion to be recorded, and the arrival that goes on with it."""

    conversion: Conversion
    documents: Sequence[bytes] = ()
    summaries: Sequence[ReportSummary] = ()
    """Of the documents, in their order, where the caller knows them; they are read from the documents otherwise."""
    submit: bool = True
    compression_level: int = 6
    arrival_id: int | None = None
    arrival_state: ArrivalState | None = None
    reason: str | None = None
    retry_at: datetime | None = None
    attempts: int = 0
    withheld: Collection[int] = ()
    """Ordinals of reports that are not sent, whatever ``submit`` says."""
    withheld_because: str | None = None
    """Why none is sent without ``submit``; None: none was ever to be sent."""
    pairing: Pairing | None = None
    """Which report continues which earlier one; None: as their tests say."""
    new_ids: bool = False
    """Reports get new ids, and not those of the reports that they continue."""
    allow_same_id: bool = False
    """A report may have the id of another source's report."""
    append: bool = False
    """Its file may be one that grows: its reports may be those of entries that the file had before."""
    run_item: ItemResult | None = None
    """What a run keeps of it, in the same commit."""


def record_conversion(archive: Archive, new: NewConversion) -> tuple[Report, ...]:
    """Archive the reports of a conversion, then commit it with them; all durable once this returns (invariant 4).

    A report keeps the id of the one that it continues (``pairing``). One of which a person must say what it continues, and one
    with the id of another source's report, are kept as refused. What still waits under an id that is sent anew is not sent any
    more. StorageError leaves no row; Overtaken is one, when another conversion came in between.
    """
    archive_id = new.conversion.archive_id
    before = archive.reports_of(archive_id)
    written: list[_Written] = []
    try:
        _archive_reports(archive, new, before, written)
        return archive.write(lambda tx: _commit(tx, archive, new, before, written))
    except Exception:
        archive.take_back(archive_id, [each.blob for each in written])
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """A report that is archived and has no row yet."""

    blob: Blob
    report: Report
    identity: Identity
    same: Report | None = None
    """What another entry of the same file has under its id, where both are one document and the server has that."""


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
        place = _Place(archive_id=archive_id, ordinal=ordinal, number=len(before) + ordinal)
        blob, report = _archive_report(archive, place, document, state, new.compression_level)
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


def add_report(archive: Archive, archive_id: str, body: bytes, *, compression_level: int = 6) -> Report:
    """Archive one more report of an entry's latest conversion; UnknownEntry, or StorageError when it cannot be written."""
    archive.entry(archive_id)
    present = archive.reports_of(archive_id)
    ordinal = len(present) + 1
    spare = spare_id(archive_id, ordinal, {id_key(report.report_id) for report in present})
    document = read(body, fixed_id=None, spare_id=uuid.UUID(spare))
    place = _Place(archive_id=archive_id, ordinal=ordinal, number=ordinal)
    blob, report = _archive_report(archive, place, document, SubmissionState.WAITING, compression_level)

    def unit(tx: Connection) -> Report:
        archive.blobs.settle(blob)
        past = conversions.of_entry(tx, archive_id)
        kept = replace(report, conversion_id=past[-1].conversion_id if past else None)
        reports.add(tx, kept)
        entries.add_report(tx, archive_id, kept)
        details = {"report_id": kept.report_id, "blob": kept.archived_path, "checksum": kept.checksum}
        events.append(tx, Event(kind="report.archived", at=archive.now(), archive_id=archive_id, details=details))
        return kept

    try:
        return archive.write(unit)
    except Exception:
        archive.take_back(archive_id, [blob])
        raise


def set_arrival(
    archive: Archive,
    arrival_id: int,
    state: ArrivalState,
    *,
    event: Event | None = None,
    reason: str | None = None,
    moved_to: str | None = None,
    kept_checksum: str | None = None,
    touched: Signature | None = None,
) -> None:
    """Bring an arrival to ``state``, with the event that tells why, in one commit.

    ``touched`` is the signature that its source had in the end, when only its time had changed: what was seen of that since is
    no other source.
    """
    place = _place_of(touched) if touched else {}

    def unit(tx: Connection) -> None:
        arrivals.change(
            tx,
            arrival_id,
            state=state,
            now=archive.now(),
            reason=reason,
            moved_to=moved_to,
            kept_checksum=kept_checksum,
            **place,
        )
        if touched:
            arrivals.forget_seen(tx, arrival_id, size_bytes=touched.size_bytes, mtime_ns=touched.mtime_ns)
        if event:
            events.append(tx, event)

    archive.write(unit)


def _place_of(signature: Signature) -> dict[str, int | None]:
    return {
        "size_bytes": signature.size_bytes,
        "mtime_ns": signature.mtime_ns,
        "inode": signature.inode,
        "ctime_ns": signature.ctime_ns,
    }


def append_event(archive: Archive, event: Event) -> None:
    """Put one event on record."""
    archive.write(lambda tx: events.append(tx, event))


def record_try(
    archive: Archive,
    report: Report,
    *,
    state: SubmissionState,
    reason: str | None = None,
    next_try_at: datetime | None = None,
) -> Report:
    """Put one try to submit a report on record; an accepted or refused one is an event. Gives the report as it is then."""
    known = replace(
        report,
        submission_state=state,
        tries=report.tries + 1,
        last_error=reason,
        next_try_at=next_try_at,
        accepted_at=archive.now() if state is SubmissionState.ACCEPTED else None,
    )

    def unit(tx: Connection) -> None:
        reports.set_submission(
            tx,
            known,
            state=known.submission_state,
            tries=known.tries,
            last_error=known.last_error,
            next_try_at=known.next_try_at,
            accepted_at=known.accepted_at,
        )
        if state is not SubmissionState.WAITING:
            events.append(tx, _submission_event(archive, known))
        if state is SubmissionState.REFUSED:
            refusals.warn(tx, known)

    archive.write(unit)
    return known


def remove_document(archive: Archive, report: Report) -> None:
    """Remove the document of an accepted report (``archive_output_reports`` is off); the row and the event stay."""
    details = {"report_id": report.report_id, "blob": report.archived_path, "checksum": report.checksum}
    event = Event(kind="report.removed", at=archive.now(), archive_id=report.archive_id, details=details)

    def unit(tx: Connection) -> None:
        reports.set_removed(tx, report)
        events.append(tx, event)

    archive.write(unit)
    archive.blobs.remove(report.archived_path, of=report.archive_id)


def due_reports(
    archive: Archive, *, limit: int, longest_delay: timedelta, whatever_backoff: bool = False
) -> tuple[Report, ...]:
    """Give reports that wait for the server and may be tried now, oldest first.

    One that is to wait longer than ``longest_delay`` may be tried as well: the clock was set back since.
    """
    now = datetime.max.replace(tzinfo=UTC) - longest_delay if whatever_backoff else archive.now()
    with archive.read() as db:
        return reports.due(db, now, limit, latest=now + longest_delay)


def waiting_reports(archive: Archive) -> int:
    """Count the reports that the server has not accepted yet."""
    with archive.read() as db:
        return reports.waiting_count(db)


def _submission_event(archive: Archive, report: Report) -> Event:
    details = {"report_id": report.report_id, "ordinal": report.ordinal, "tries": report.tries}
    if report.last_error:
        details["reason"] = report.last_error
    kind = f"report.{report.submission_state.value.lower()}"
    return Event(kind=kind, at=archive.now(), archive_id=report.archive_id, details=details)


def show(tx: Connection, archive: Archive, conversion: Conversion, of_it: Sequence[Report]) -> None:
    """Show a conversion and its reports as the entry's own, kept as long as the policy says for such a one."""
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
    judged = [holding.judged(tx, each.report, each.identity, new) for each in written]
    if new.append:
        pairs = zip(judged, written, strict=True)
        judged = [replace(each, report=appended.judged(tx, each.report, its.same)) for each, its in pairs]
        appended.withhold_older(tx, [each.report for each in judged])
    warnings = (*new.conversion.warnings, *(warning for each in judged for warning in each.warnings))
    conversion = replace(new.conversion, warnings=warnings) if warnings != new.conversion.warnings else new.conversion
    _withhold_older(tx, before, [each.report for each in judged])
    number = conversions.add(tx, conversion)
    for each in written:
        archive.blobs.settle(each.blob)
    kept = tuple(replace(each.report, conversion_id=number) for each in judged)
    for report in kept:
        reports.add(tx, report)
    show(tx, archive, conversion, kept)
    if new.arrival_id is not None and new.arrival_state is not None:
        arrivals.change(
            tx,
            new.arrival_id,
            state=new.arrival_state,
            now=archive.now(),
            reason=new.reason,
            retry_at=new.retry_at,
            attempts=new.attempts,
        )
    events.append(tx, _conversion_event(archive, conversion, kept))
    for report in kept:
        if report.submission_state is SubmissionState.REFUSED:
            events.append(tx, _submission_event(archive, report))
    return kept


def _require_nothing_between(tx: Connection, new: NewConversion, before: Sequence[Report]) -> None:
    """Let no two conversions give one test two ids, and let the service have what it took up again."""
    conversion = new.conversion
    if conversion.run_id is not None:
        if new.run_item and not runs.set_item(tx, conversion.run_id, new.run_item):
            raise AlreadyDone(f"{conversion.archive_id}: run {conversion.run_id} has done it already")
        if entries.get(tx, conversion.archive_id).purged_at:
            raise BlobMissing("purged while it was replayed")
        arrival = arrivals.of_entry(tx, conversion.archive_id)
        if arrival and not arrival.state.is_final:
            raise Overtaken("the service took it up again while it was replayed")
    if reports.count_of_entry(tx, conversion.archive_id) != len(before):
        raise Overtaken(f"{conversion.archive_id}: another conversion of it came in between; it is converted again")


def _withhold_older(tx: Connection, before: Sequence[Report], new: Sequence[Report]) -> None:
    """Send nothing older after what is sent now under the same id: the server would keep the older one."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a report belongs: its entry, its ordinal in the conversion, and the first number its blob may have."""

    archive_id: str
    ordinal: int
    number: int


def _archive_report(
    archive: Archive, place: _Place, document: Document, state: SubmissionState, level: int
) -> tuple[Blob, Report]:
    try:
        blob = _write_blob(archive, place, document, level)
    except OSError as exc:
        raise StorageError(
            f"{archive.root}: report of {place.archive_id} cannot be archived ({exc.strerror or exc})"
        ) from exc
    return blob, Report(
        archive_id=place.archive_id,
        ordinal=place.ordinal,
        report_id=document.report_id,
        archived_path=blob.path,
        checksum=blob.content.checksum,
        size_bytes=blob.content.size_bytes,
        compressed_size_bytes=blob.compressed_size_bytes,
        disk_size_bytes=blob.disk_size_bytes,
        serial_number=document.summary.serial_number,
        part_number=document.summary.part_number,
        process=document.summary.process,
        result=document.summary.result,
        start_time=document.summary.start_time,
        submission_state=state,
    )


def _write_blob(archive: Archive, place: _Place, document: Document, level: int) -> Blob:
    moment = archive.now()
    archive_id, numbers = place.archive_id, itertools.count(place.number)

    def label(content: Content) -> Label:
        metadata = {
            "kind": "report",
            "archive_id": archive_id,
            "ordinal": place.ordinal,
            "report_id": document.report_id,
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
            "archived_at": moment.isoformat(),
        }
        name = layout.report_path(archive_id, place.ordinal).rpartition("/")[2].removesuffix(".gz")
        return Label(original_name=name, mtime_s=int(moment.timestamp()), metadata=metadata)

    def naming(content: Content) -> tuple[str, Label]:
        return layout.report_path(archive_id, next(numbers)), label(content)

    return archive.blobs.write(
        [document.body],
        folder=layout.day_folder(layout.REPORTS, archive_id),
        draft=lambda: label(UNKNOWN),
        naming=naming,
        level=level,
    )
