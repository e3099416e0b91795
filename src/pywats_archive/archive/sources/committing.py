"""The rows of a new entry, and of the arrival that it belongs to."""

from __future__ import annotations

from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources.draft import Draft, NewSource, archived_event
from pywats_archive.blobs.store import Blob
from pywats_archive.catalog import arrivals, entries, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import SourceChanged
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.file_stamp import FileStamp


def commit(tx: Connection, draft: Draft, entry: ArchiveEntry, blob: Blob | None) -> None:
    """Add an entry with its event, and update its arrival; the name of its blob is durable before."""
    archive, source = draft.archive, draft.source
    if blob:
        archive.blobs.sync_name(blob)
    entries.add(tx, entry)
    advance(tx, archive, entry, source, draft.stamp)
    events.append(tx, archived_event(entry))


def advance(tx: Connection, archive: Archive, entry: ArchiveEntry, source: NewSource, seen: FileStamp) -> None:
    """Update the arrival, with the size and time that the source had when it was read."""
    if source.arrival_id is not None:
        is_there = arrivals.change(
            tx,
            source.arrival_id,
            state=source.arrival_state,
            now=archive.now(),
            archive_id=entry.archive_id,
            size_bytes=seen.size_bytes,
            mtime_ns=seen.mtime_ns,
            inode=seen.inode,
            ctime_ns=seen.ctime_ns,
        )
        if not is_there:
            raise SourceChanged(f"{source.path}: it left meanwhile as the source of another arrival")
