"""Restores the readable part of a damaged source, under a name that says so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.restore import unpack
from pywats_archive.archive.restore.source import (
    companion_mtime_ns,
    companion_paths,
    entry_with_bytes,
    original_name,
    record_restore,
    restore_source,
)
from pywats_archive.errors import BlobDamaged, BlobMissing, StorageError
from pywats_archive.models.entry import ArchiveEntry, Companion, SourceKind
from pywats_archive.portable import placing

SUFFIX = ".damaged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvaged:
    """Where a source is now, and what is wrong with it; None if it is sound."""

    path: Path
    damage: str | None = None


def salvage_source(archive: Archive, archive_id: str, folder: Path, *, actor: str = "service") -> Salvaged:
    """Restore a source, or the readable part of a damaged one, under its name followed by ``.damaged``.

    BlobMissing if there is nothing to be read.
    """
    try:
        return Salvaged(path=restore_source(archive, archive_id, folder, actor=actor))
    except BlobDamaged as exc:
        damage = str(exc)
    entry = entry_with_bytes(archive, archive_id)
    try:
        path = _salvage(archive, entry, folder)
    except OSError as exc:
        raise StorageError(f"{folder}: cannot restore {archive_id} there ({exc.strerror or exc})") from exc
    record_restore(archive, archive_id, path, actor=actor, damage=damage)
    return Salvaged(path=path, damage=damage)


def _salvage(archive: Archive, entry: ArchiveEntry, folder: Path) -> Path:
    name = original_name(entry) + SUFFIX
    content = archive.blobs.salvage(entry.source_archived_path)
    if entry.source_kind is SourceKind.FOLDER:
        path = _folder(content, folder, name)
    else:
        path = placing.write_file(content, folder, name, mtime_ns=entry.source_mtime_ns)
    beside, name = companion_paths(entry), f"{original_name(entry)}.companions{SUFFIX}"
    for packed in itertools.filterfalse(layout.is_one_companion, beside):
        with suppress(BlobMissing):
            _folder(archive.blobs.salvage(packed), folder, name)
    single = [each for each in entry.companions if layout.is_one_companion(each.archived_path)]
    made = placing.make_folder(folder, name) if single else folder
    for each in single:
        with suppress(BlobMissing, BlobDamaged):
            content = archive.blobs.salvage(each.archived_path)
            unpack.write_member(content, made, each.name, mtime_ns=_mtime_ns(archive, entry, each))
    return path


def _mtime_ns(archive: Archive, entry: ArchiveEntry, companion: Companion) -> int:
    """Return a companion's time, or its source's if the header cannot be read."""
    try:
        return companion_mtime_ns(archive, companion.archived_path)
    except BlobDamaged:
        return entry.source_mtime_ns


def _folder(content: Iterator[bytes], parent: Path, name: str) -> Path:
    """Unpack a tar as far as possible."""
    made = placing.make_folder(parent, name)
    with suppress(BlobDamaged):
        unpack.extract(content, made)
    return made
