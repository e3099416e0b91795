"""Restoring an entry: its source and companions as they lay, checked on the way, with the access on record."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from pywats_archive.archive import restoring
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.errors import BlobMissing, StorageError
from pywats_archive.models.entry import ArchiveEntry, SourceKind
from pywats_archive.models.event import Event


def restore_source(archive: Archive, archive_id: str, folder: Path, *, actor: str = "service") -> Path:
    """Bring a source back into ``folder`` under its own name and mtime, with its companions; gives its path.

    A name that is taken gets a number. BlobDamaged, BlobMissing and UnknownEntry leave nothing behind.
    """
    entry = archive.entry(archive_id)
    if entry.purged_at:
        raise BlobMissing(f"{archive_id}: was purged on {entry.purged_at:%Y-%m-%d}; only its record is kept")
    if not entry.source_archived_path:
        raise BlobMissing(f"{archive_id}: its source was not kept (archive_source_files is off); only its record is")
    try:
        restored = _restore(archive, entry, folder)
    except OSError as exc:
        raise StorageError(f"{folder}: cannot restore {archive_id} there ({exc.strerror or exc})") from exc
    event = Event(
        kind="source.restored", at=archive.now(), archive_id=archive_id, actor=actor, details={"to": str(restored)}
    )
    archive.write(lambda tx: events.append(tx, event))
    return restored


def original_name(entry: ArchiveEntry) -> str:
    """Give the source's own name, from a path of either operating system."""
    path = entry.source_original_path
    is_windows_path = (len(path) > 1 and path[1] == ":") or path.startswith("\\\\")
    return PureWindowsPath(path).name if is_windows_path else PurePosixPath(path).name


def _restore(archive: Archive, entry: ArchiveEntry, folder: Path) -> Path:
    name, content = original_name(entry), _content(archive, entry)
    if entry.source_kind is SourceKind.FOLDER:
        restored = _new_folder(content, folder, name)
    else:
        restored = restoring.write_file(content, folder, name, mtime_ns=entry.source_mtime_ns)
    for path in sorted({companion.archived_path for companion in entry.companions}):
        checksum = f"sha256:{archive.blobs.label(path).metadata['sha256']}"
        restoring.extract(archive.blobs.read_checked(path, checksum), folder)
    return restored


def _content(archive: Archive, entry: ArchiveEntry) -> Iterator[bytes]:
    return archive.blobs.read_checked(entry.source_archived_path, entry.source_checksum)


def _new_folder(content: Iterator[bytes], parent: Path, name: str) -> Path:
    made = restoring.make_folder(parent, name)
    try:
        restoring.extract(content, made)
    except BaseException:
        shutil.rmtree(made)
        raise
    return made
