"""Reports as blobs: the compressed documents of each conversion, and the rows that describe them."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, role
from pywats_archive.archive.report_ids.assignment import spare_id
from pywats_archive.archive.results.document import Document, read
from pywats_archive.blobs.header import Label
from pywats_archive.blobs.reading import Content
from pywats_archive.blobs.store import UNKNOWN, Blob
from pywats_archive.catalog import conversions, entries, events, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report, SubmissionState, id_key


def add_report(archive: Archive, archive_id: str, body: bytes, *, compression_level: int = 6) -> Report:
    """Archive one more report of an entry's latest conversion; UnknownEntry, or StorageError if it cannot be written."""
    archive.entry(archive_id)
    present = archive.reports_of(archive_id)
    ordinal = len(present) + 1
    spare = spare_id(archive_id, ordinal, {id_key(report.report_id) for report in present})
    document = read(body, fixed_id=None, spare_id=uuid.UUID(spare))
    place = Place(archive_id=archive_id, ordinal=ordinal, number=ordinal)
    blob, report = archive_report(archive, place, document, SubmissionState.WAITING, compression_level)

    def unit(tx: Connection) -> Report:
        archive.blobs.sync_name(blob)
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
        archive.remove_uncommitted(archive_id, [blob])
        raise


def remove_document(archive: Archive, report: Report) -> None:
    """Remove the document of an accepted report (``archive_output_reports`` is off); its row and event stay.

    Idempotent. The acceptance must be on record: a report that waits is sent from its document. StorageError when the document
    cannot be removed.
    """
    details = {"report_id": report.report_id, "blob": report.archived_path, "checksum": report.checksum}
    event = Event(kind="report.removed", at=archive.now(), archive_id=report.archive_id, details=details)

    def unit(tx: Connection) -> None:
        reports.set_removed(tx, report)
        events.append(tx, event)

    archive.write(unit)
    try:
        archive.blobs.remove(report.archived_path, of=report.archive_id)
    except OSError as exc:
        raise StorageError(f"{archive.root / report.archived_path}: cannot be removed ({exc.strerror or exc})") from exc


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a report belongs: its entry, its ordinal in the conversion, and the first number its blob may have."""

    archive_id: str
    ordinal: int
    number: int
    is_imported: bool = False
    """Whether it was made before its source was archived."""


def archive_report(
    archive: Archive, place: Place, document: Document, state: SubmissionState, level: int
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


def _write_blob(archive: Archive, place: Place, document: Document, level: int) -> Blob:
    moment, anchor = archive.now(), archive.carried_anchor
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
            **({role.ORIGIN: role.IMPORTED} if place.is_imported else {}),
            **({"anchor": anchor} if anchor else {}),
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
