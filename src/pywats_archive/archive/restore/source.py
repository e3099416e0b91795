"""Restores an entry: its source and companions with their names and times, checked; the access is recorded."""

from __future__ import annotations

import os
from pathlib import Path

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, role
from pywats_archive.archive.restore import unpack
from pywats_archive.errors import BlobMissing, StorageError
from pywats_archive.models.entry import ArchiveEntry, Companion, SourceKind
from pywats_archive.models.event import Event
from pywats_archive.models.time import FIRST_NS, LAST_NS
from pywats_archive.portable import placing
from pywats_archive.portable.placing import last_part
from pywats_archive.portable.user import current_actor

NO_FILE = Path("-")
"""What the history names as the place of a source that a person got as a stream."""


def restore_source(
    archive: Archive, archive_id: str, folder: Path, *, actor: str | None = "service", record_access: bool = True
) -> Path:
    """Restore a source into ``folder`` under its own name and mtime, with its companions; returns its path.

    Without an actor, the history has the account that runs this program.
    Without ``record_access`` no person gets the source: there is no event, and no file is made durable.

    A name that is taken gets a number. A source with companions gets a folder of its own if one of their names is taken,
    since they refer to each other by name. BlobDamaged, BlobMissing and UnknownEntry leave nothing behind.
    """
    entry = entry_with_bytes(archive, archive_id)
    if record_access:
        recording.require_possible(archive)
    try:
        restored = _restore(archive, entry, folder, is_durable=record_access)
    except OSError as exc:
        raise StorageError(f"{folder}: cannot restore {archive_id} there ({exc.strerror or exc})") from exc
    if record_access:
        record_restore(archive, archive_id, restored, actor=actor or current_actor())
    return restored


def entry_with_bytes(archive: Archive, archive_id: str) -> ArchiveEntry:
    """Return an entry whose source is archived; BlobMissing says why it is not, UnknownEntry that there is no entry."""
    entry = archive.entry(archive_id)
    if entry.purged_at:
        raise BlobMissing(f"{archive_id}: was purged on {entry.purged_at:%Y-%m-%d}; only its record is kept")
    if not entry.source_archived_path:
        raise BlobMissing(f"{archive_id}: its source was not kept (archive_source_files is off); only its record is")
    return entry


def record_restore(
    archive: Archive,
    archive_id: str,
    restored: Path,
    *,
    actor: str,
    damage: str | None = None,
    companion: str | None = None,
) -> None:
    """Record who restored a source, or one companion, and whether it was complete."""
    details = {"to": str(restored) if restored is NO_FILE else placing.whole_path(restored)} | (
        {"damage": damage} if damage else {}
    )
    details |= {"companion": companion} if companion else {}
    event = Event(kind="source.restored", at=archive.now(), archive_id=archive_id, actor=actor, details=details)
    recording.record(archive, event)


def original_name(entry: ArchiveEntry) -> str:
    """Return the source's own name, from a path of either operating system."""
    return last_part(entry.source_original_path)


def mtime_ns_of(archive: Archive, entry: ArchiveEntry) -> int:
    """Return the source's own time; the catalog has only the nearest that it can hold, the blob's header the exact one."""
    if entry.source_mtime_ns not in (FIRST_NS, LAST_NS) or not entry.source_archived_path:
        return entry.source_mtime_ns
    own = archive.blobs.label(entry.source_archived_path).metadata.get(role.OWN_MTIME_NS)
    return own if isinstance(own, int) else entry.source_mtime_ns


def companion_paths(entry: ArchiveEntry) -> tuple[str, ...]:
    """Return the blobs that hold an entry's companions."""
    return tuple(sorted({companion.archived_path for companion in entry.companions}))


def _restore(archive: Archive, entry: ArchiveEntry, folder: Path, *, is_durable: bool = True) -> Path:
    """Restore into ``folder``. The companions are checked first, since the source may need them."""
    for path in companion_paths(entry):
        archive.blobs.check(path, _checksum(archive, entry, path))
    if entry.companions and _is_any_name_used(entry, folder):
        whole = placing.make_whole(folder, entry.archive_id, lambda made: _put(archive, entry, made, is_durable))
        return whole / original_name(entry)
    return _put(archive, entry, folder, is_durable)


def _put(archive: Archive, entry: ArchiveEntry, folder: Path, is_durable: bool) -> Path:
    name, content = original_name(entry), archive.blobs.read_checked(entry.source_archived_path, entry.source_checksum)
    if entry.source_kind is SourceKind.FOLDER:
        restored = unpack.write_folder(content, folder, name)
    else:
        restored = placing.write_file(
            content, folder, name, mtime_ns=mtime_ns_of(archive, entry), is_durable=is_durable
        )
    for path in companion_paths(entry):
        chunks = archive.blobs.read_checked(path, _checksum(archive, entry, path))
        if layout.is_one_companion(path):
            name, mtime_ns = _companion(entry, path).name, companion_mtime_ns(archive, path)
            unpack.write_member(chunks, folder, name, mtime_ns=mtime_ns, is_durable=is_durable)
        else:
            unpack.extract(chunks, folder, only={each.name for each in entry.companions if each.archived_path == path})
    return restored


def companion_mtime_ns(archive: Archive, path: str) -> int:
    """Return the time of a companion that is stored alone; BlobMissing or BlobDamaged if it cannot be read."""
    return int(archive.blobs.label(path).metadata["mtime_ns"])


def _is_any_name_used(entry: ArchiveEntry, folder: Path) -> bool:
    """Whether a name is taken, or the name of a companion's folder by something that is not a folder."""
    paths = [folder / name for name in (original_name(entry), *(companion.name for companion in entry.companions))]
    above = {parent for path in paths for parent in path.parents if parent.is_relative_to(folder) and parent != folder}
    is_in_the_way = (os.path.lexists(each) and (each.is_symlink() or not each.is_dir()) for each in above)
    return any(map(os.path.lexists, paths)) or any(is_in_the_way)


def _checksum(archive: Archive, entry: ArchiveEntry, path: str) -> str:
    if layout.is_one_companion(path):
        return _companion(entry, path).checksum
    return archive.blobs.label(path).checksum


def _companion(entry: ArchiveEntry, path: str) -> Companion:
    return next(each for each in entry.companions if each.archived_path == path)
