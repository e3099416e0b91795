"""The rows of entries that come from another archive, committed together with the event that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, role
from pywats_archive.archive.imported import rows
from pywats_archive.archive.imported.bagged import Bringing, Taken
from pywats_archive.archive.sources.draft import imported_event
from pywats_archive.catalog import conversions, entries, events, imported_entries, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import IMPORTED_FROM, Event
from pywats_archive.models.report import Report


def commit(archive: Archive, taken: list[Taken], how: Bringing) -> None:
    """Commit the rows of entries whose blobs are written; durable once this returns."""
    if not taken:
        return

    def unit(tx: Connection) -> None:
        for each in taken:
            for blob in each.blobs:
                archive.blobs.sync_name(blob)
            _add(tx, archive, each, how)

    archive.write(unit)


def _add(tx: Connection, archive: Archive, taken: Taken, how: Bringing) -> None:
    record, archive_id = taken.bagged.record, taken.bagged.archive_id
    made = rows.reports_of(record, [each.place if each else None for each in taken.documents])
    entry = _entry(archive, taken, made)
    if taken.is_left:
        imported_entries.complete(tx, entry)
    else:
        entries.add(tx, entry)
    numbers = {each.conversion_id: conversions.add(tx, rows.conversion_of(each)) for each in record.conversions}
    for report in made:
        own = None if report.conversion_id is None else numbers.get(report.conversion_id)
        reports.put(tx, replace(report, conversion_id=own))
    imported_entries.index(tx, entry, made)
    events.append(tx, _event(archive, taken, entry, made, how))
    if entry.hold_reason:
        details = {"reason": entry.hold_reason, "held_by": entry.held_by}
        hold = Event(kind="hold.added", at=archive.now(), archive_id=archive_id, actor=how.actor, details=details)
        events.append(tx, hold)
    for report, document in zip(made, taken.documents, strict=True):
        if document is None:
            events.append(tx, _absent(archive, report, how))


def _entry(archive: Archive, taken: Taken, made: Sequence[Report]) -> ArchiveEntry:
    source, blobs = taken.source, [each for each in taken.kept if each.path.startswith(layout.SOURCES)]
    return rows.entry_of(
        archive,
        taken.bagged.record,
        made,
        source_path=source.path if source else "",
        compressed_size_bytes=source.compressed_size_bytes if source else 0,
        disk_size_bytes=sum(each.disk_size_bytes for each in blobs),
        companions=taken.companions,
    )


def _event(archive: Archive, taken: Taken, entry: ArchiveEntry, made: Sequence[Report], how: Bringing) -> Event:
    record, kept = taken.bagged.record, taken.record
    assert kept
    head = record.events[-1] if record.events else None
    origin: dict[str, Any] = {
        "archive": record.archive_uuid,
        "bag": how.bag,
        "events": len(record.events),
        "last_hash": head.hash if head else None,
        "record": {"blob": kept.path, "checksum": kept.checksum},
    }
    known = [{"report_id": each.report_id, "blob": each.archived_path, "checksum": each.checksum} for each in made]
    more = {role.ORIGIN: role.IMPORTED, IMPORTED_FROM: origin, "reports": known}
    return replace(imported_event(entry, **more), at=archive.now(), actor=how.actor)


def _absent(archive: Archive, report: Report, how: Bringing) -> Event:
    details = {"report_id": report.report_id, "blob": report.archived_path, "checksum": report.checksum}
    details["reason"] = "the bag has no document of it"
    return Event(
        kind="report.removed", at=archive.now(), archive_id=report.archive_id, actor=how.actor, details=details
    )
