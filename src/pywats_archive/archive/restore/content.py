"""The bytes of an entry as streams, without a file: its source, a companion, a report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive, document_chunks
from pywats_archive.archive.folder import layout
from pywats_archive.archive.restore import unpack
from pywats_archive.archive.restore.source import NO_FILE, entry_with_bytes, record_restore
from pywats_archive.blobs.header import ALGORITHM
from pywats_archive.errors import BlobDamaged, BlobMissing, UsageError
from pywats_archive.models.entry import ArchiveEntry, Companion
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report


def source_chunks(archive: Archive, archive_id: str, *, actor: str) -> Iterator[bytes]:
    """Stream a source, or the tar of a folder source, and record the access, and damage that is found.

    BlobMissing before the access is recorded, BlobDamaged after the last chunk if it is damaged.
    """
    entry = entry_with_bytes(archive, archive_id)
    _require_blob(archive, entry.source_archived_path)
    record_restore(archive, archive_id, NO_FILE, actor=actor)
    chunks = archive.blobs.read_checked(entry.source_archived_path, entry.source_checksum)
    return _recorded(chunks, archive, archive_id, actor)


def companion_chunks(archive: Archive, archive_id: str, name: str, *, actor: str) -> Iterator[bytes]:
    """Stream the companion with this name, and record the access; UsageError lists the companions there are."""
    entry = entry_with_bytes(archive, archive_id)
    companion = companion_named(entry, name)
    _require_blob(archive, companion.archived_path)
    record_restore(archive, archive_id, NO_FILE, actor=actor, companion=name)
    return _recorded(unrecorded_companion(archive, companion), archive, archive_id, actor, companion=name)


def unrecorded_companion(archive: Archive, companion: Companion) -> Iterator[bytes]:
    """Stream a companion; BlobDamaged after the last chunk if it is damaged."""
    if layout.is_one_companion(companion.archived_path):
        return archive.blobs.read_checked(companion.archived_path, companion.checksum)
    return _member(archive, companion)


def companion_named(entry: ArchiveEntry, name: str) -> Companion:
    """Return the companion with this name; UsageError lists the companions there are."""
    for each in entry.companions:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in entry.companions) or "none"
    raise UsageError(f"{entry.archive_id}: has no companion '{name}'; there are {known}")


def _recorded(
    chunks: Iterator[bytes], archive: Archive, archive_id: str, actor: str, *, companion: str | None = None
) -> Iterator[bytes]:
    """Yield chunks; damage among them is recorded as well."""
    try:
        yield from chunks
    except BlobDamaged as exc:
        record_restore(archive, archive_id, NO_FILE, actor=actor, damage=str(exc), companion=companion)
        raise


def _member(archive: Archive, companion: Companion) -> Iterator[bytes]:
    """Stream a companion out of the blob that it shares with others; BlobDamaged unless it has the recorded checksum."""
    path, digest = companion.archived_path, hashlib.sha256()
    chunks, of = archive.blobs.read_checked(path, archive.blobs.label(path).checksum), archive.root / path
    for member, content in unpack.members(chunks, of=of):
        for chunk in content if content is not None and member.name == companion.name else ():
            digest.update(chunk)
            yield chunk
    if f"{ALGORITHM}:{digest.hexdigest()}" != companion.checksum:
        raise BlobDamaged(f"{of}: does not hold {companion.name} as recorded; restore this file from a backup")


def read_report(
    archive: Archive, archive_id: str, number: int, *, actor: str, attachment: int | None = None
) -> Iterator[bytes]:
    """Stream the exact JSON of a report, and record who reads it, or which of its attachments."""
    report = require_report(archive, archive_id, number)
    _require_blob(archive, report.archived_path)
    record_report(archive, archive_id, number, actor=actor, attachment=attachment)
    return document_chunks(archive, report)


def _require_blob(archive: Archive, path: str) -> None:
    """Raise BlobMissing if a blob is missing; other errors are raised when the blob is read."""
    with suppress(OSError):
        archive.blobs.stored_size(path)


def record_report(archive: Archive, archive_id: str, number: int, *, actor: str, **more: str | int | None) -> None:
    """Record who reads a report, with further details that are not None."""
    details = {"number": number} | {name: value for name, value in more.items() if value is not None}
    event = Event(kind="report.read", at=archive.now(), archive_id=archive_id, actor=actor, details=details)
    recording.record(archive, event)


def report_document(archive: Archive, archive_id: str, number: int) -> bytes:
    """Return the exact JSON of a report, ``number`` counted from 1 in the order of ``show``; UsageError if there is none."""
    return b"".join(report_chunks(archive, archive_id, number))


def report_chunks(archive: Archive, archive_id: str, number: int) -> Iterator[bytes]:
    """Stream the exact JSON of a report; BlobDamaged after the last chunk if it is damaged."""
    return document_chunks(archive, require_report(archive, archive_id, number))


def require_report(archive: Archive, archive_id: str, number: int) -> Report:
    """Return a report whose document is archived, ``number`` counted from 1 in the order of ``show``; UsageError if not."""
    entry = archive.entry(archive_id)
    if entry.purged_at:
        raise BlobMissing(f"{archive_id}: was purged on {entry.purged_at:%Y-%m-%d}; only its record is kept")
    return report_numbered(archive, archive_id, number)


def report_numbered(archive: Archive, archive_id: str, number: int) -> Report:
    """Return a report, counted from 1 in the order of ``show``, whether its document is archived or purged."""
    reports = archive.reports_of(archive_id)
    if not 1 <= number <= len(reports):
        raise UsageError(f"{archive_id}: has no report {number}; it has {len(reports)}")
    return reports[number - 1]
