"""Blobs without a row, as a crash leaves them: each gets the row that its header describes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import role
from pywats_archive.archive.folder.role import metadata_in_place
from pywats_archive.archive.repair.adoption import companions_of, entry_of, further, report_of
from pywats_archive.blobs.header import checksum_in
from pywats_archive.catalog import arrivals, entries, events, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import (
    ArchiveError,
    BlobDamaged,
    BlobLocked,
    BlobMissing,
    CatalogRefused,
    UnknownEntry,
    UsageError,
)
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.event import Event
from pywats_archive.models.ids import id_in, is_archive_id
from pywats_archive.models.report import NEVER_SENT

_OF_ONE_BLOB = (BlobDamaged, UnknownEntry, UsageError, CatalogRefused)
"""Errors that show that a blob is unusable, and say nothing about the archive."""


def unknown(archive: Archive, folder: str) -> Iterator[str]:
    """Stream the blobs in a folder that no row names."""
    for path in archive.blobs.paths(folder):
        archive_id = id_in(path)
        if is_archive_id(archive_id) and path not in _known_paths(archive, archive_id):
            yield path


def _known_paths(archive: Archive, archive_id: str) -> set[str]:
    with archive.read() as db:
        if not entries.has(db, archive_id):
            return set()
        entry = entries.get(db, archive_id)
        known = {entry.source_archived_path, *(c.archived_path for c in entry.companions)}
        return known | {report.archived_path for report in reports.of_entry(db, archive_id)}


def adopt(archive: Archive, path: str) -> str:
    """Add the row of an unknown blob; returns its kind, ``damaged``, or ``unread`` if a later try may read it."""
    try:
        metadata = metadata_in_place(path, archive.blobs.label(path).metadata)
        kind = str(metadata["kind"])
        KINDS[kind](archive, path, metadata)
    except (OSError, BlobLocked, BlobMissing):
        return "unread"
    except Exception as exc:
        if isinstance(exc, ArchiveError) and not isinstance(exc, _OF_ONE_BLOB):
            raise
        return "damaged"
    return kind


def _adopt_source(archive: Archive, path: str, metadata: dict[str, Any]) -> None:
    archive.blobs.check(path, checksum_in(metadata))
    entry = entry_of(archive, path, metadata, archive.blobs.sizes(path))
    is_imported = role.is_imported(metadata)
    if is_imported and _is_imported_again(archive, entry):
        archive.blobs.remove(path, of=entry.archive_id)
        return

    def unit(tx: Connection) -> None:
        entries.add(tx, entry)
        seen = arrivals.latest_at_path(tx, entry.converter_name, entry.source_original_path)
        is_its = seen and (seen.mtime_ns == entry.source_mtime_ns or entry.source_kind is SourceKind.SCHEDULED)
        if seen and is_its and seen.arrival_id and seen.state is ArrivalState.SEEN:
            state, now = ArrivalState.ARCHIVED, archive.now()
            arrivals.change(tx, seen.arrival_id, state=state, now=now, archive_id=entry.archive_id)
        details = {"blob": path, "checksum": entry.source_checksum}
        details |= {role.ORIGIN: role.IMPORTED} if is_imported else {}
        events.append(
            tx, Event(kind="source.recovered", at=archive.now(), archive_id=entry.archive_id, details=details)
        )

    archive.write(unit)


def _is_imported_again(archive: Archive, entry: ArchiveEntry) -> bool:
    """Whether the import that was killed has been run again, before this recovery."""
    with archive.read() as db:
        found = entries.at_path(db, entry.source_original_path, entry.converter_name)
        return any(each.purged_at is None and each.source_checksum == entry.source_checksum for each in found)


def _is_report_imported_again(archive: Archive, metadata: dict[str, Any]) -> bool:
    archive_id = metadata["archive_id"]
    with archive.read() as db:
        elsewhere = () if entries.has(db, archive_id) else reports.elsewhere(db, metadata["report_id"], of=archive_id)
        return any(each.checksum == checksum_in(metadata) for each in elsewhere)


def _adopt_companions(archive: Archive, path: str, metadata: dict[str, Any]) -> None:
    entry = archive.entry(metadata["archive_id"])
    if new := further(entry, companions_of(archive, path, metadata)):
        whole, disk = (*entry.companions, *new), archive.blobs.disk_size(path)
        archive.write(lambda tx: entries.set_companions(tx, entry.archive_id, whole, disk_size_bytes=disk))
        return
    for each in {companion.archived_path for companion in entry.companions}:
        archive.blobs.check(each, archive.blobs.label(each).checksum)
    archive.blobs.remove(path, of=entry.archive_id)


def _adopt_report(archive: Archive, path: str, metadata: dict[str, Any]) -> None:
    """Add a report of an unrecorded conversion: not to be sent; its id is the one that this report will have."""
    is_imported = role.is_imported(metadata)
    if is_imported and _is_report_imported_again(archive, metadata):
        archive.blobs.remove(path, of=metadata["archive_id"])
        return
    archive.entry(metadata["archive_id"])
    content = b"".join(archive.blobs.read_checked(path, checksum_in(metadata)))
    found = report_of(archive, path, metadata, content, archive.blobs.sizes(path))
    report = replace(found, last_error=found.last_error or NEVER_SENT)

    def unit(tx: Connection) -> None:
        reports.add(tx, report)
        if is_imported and entries.get(tx, report.archive_id).is_as_imported:
            entries.add_report(tx, report.archive_id, report)

    archive.write(unit)


KINDS = {"source": _adopt_source, "companions": _adopt_companions, "report": _adopt_report}
