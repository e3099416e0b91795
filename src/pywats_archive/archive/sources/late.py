"""Bytes written to a source after it was archived: archived as an entry of their own, which no converter sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore.unpack import members, mtime_ns_of
from pywats_archive.archive.sources.draft import AlreadyArchived, Draft, NewSource, archived_event
from pywats_archive.archive.sources.failure import not_archived
from pywats_archive.blobs.store import Blob
from pywats_archive.catalog import arrivals, entries, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus


def archive_late(
    archive: Archive, source: NewSource, *, known: ArchiveEntry, reason: str, moved_to: str | None = None
) -> ArchiveEntry | None:
    """Archive the source now at ``source.path``, skipped for ``reason``; None if ``known`` has exactly these bytes.

    Durable once this returns, with its arrival, whose place is ``moved_to``. The same bytes again return None, unless a crash
    came before they were recorded: recovery then made an entry of them that is in no ledger.
    """
    draft = Draft.of(archive, source, known=known)
    try:
        blob = draft.write()
    except AlreadyArchived as exc:
        return _accounted_for(draft, exc.entry, reason, moved_to)
    except OSError as exc:
        raise not_archived(source.path, archive.root, exc) from exc
    entry = _skipped(draft.entry(draft.id_of(blob), blob.content, [blob], ()), reason)
    try:
        archive.write(lambda tx: _commit(tx, draft, entry, blob, moved_to))
    except Exception:
        archive.remove_uncommitted(entry.archive_id, [blob])
        raise
    return entry


def missing_members(archive: Archive, entry: ArchiveEntry, folder: Path) -> tuple[str, ...]:
    """Return the files of a folder that differ from its entry's blob, by length and time."""
    packed = members(archive.blobs.read(entry.source_archived_path), of=archive.root / entry.source_archived_path)
    stored = {member.name: (member.size, mtime_ns_of(member)) for member, _ in packed if member.isreg()}
    missing = []
    for file in (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink()):
        status, name = file.stat(), file.relative_to(folder).as_posix()
        if stored.get(name) != (status.st_size, status.st_mtime_ns):
            missing.append(name)
    return tuple(missing)


def _skipped(entry: ArchiveEntry, reason: str) -> ArchiveEntry:
    status = ConversionStatus.SKIPPED
    return replace(entry, conversion_status=status, conversion_error=reason, warnings=(reason,))


def _accounted_for(draft: Draft, found: ArchiveEntry, reason: str, moved_to: str | None) -> ArchiveEntry | None:
    """Record an entry as written late that recovery found and no ledger knows; None for any other entry."""
    if found.conversion_status is not ConversionStatus.PENDING or ledger.of_entry(draft.archive, found.archive_id):
        return None
    entry = _skipped(found, reason)

    def unit(tx: Connection) -> None:
        entries.skip(tx, entry.archive_id, reason)
        _add_arrival(tx, draft, entry, moved_to)

    draft.archive.write(unit)
    return entry


def _commit(tx: Connection, draft: Draft, entry: ArchiveEntry, blob: Blob, moved_to: str | None) -> None:
    draft.archive.blobs.sync_name(blob)
    entries.add(tx, entry)
    _add_arrival(tx, draft, entry, moved_to)
    events.append(tx, archived_event(entry, late=True))


def _add_arrival(tx: Connection, draft: Draft, entry: ArchiveEntry, moved_to: str | None) -> None:
    now = draft.archive.now()
    arrivals.add(
        tx,
        Arrival(
            converter_name=entry.converter_name,
            path=entry.source_original_path,
            size_bytes=draft.stamp.size_bytes,
            mtime_ns=draft.stamp.mtime_ns,
            inode=draft.stamp.inode,
            ctime_ns=draft.stamp.ctime_ns,
            first_seen_at=now,
            changed_at=now,
            state=ArrivalState.SKIPPED,
            archive_id=entry.archive_id,
            moved_to=moved_to,
            reason=entry.conversion_error,
        ),
    )
