"""Copies of an open archive's catalog: where they belong, and making them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.copies.making import Copied, Target, Wanted, copy_catalog, copy_over
from pywats_archive.archive.copies.place import CopyPlace, in_archive, in_backup_folder
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import entries
from pywats_archive.errors import ArchiveError
from pywats_archive.models.ids import is_archive_id, moment_of


def places(archive: Archive, backup_folder: Path | None) -> tuple[CopyPlace, ...]:
    """Return where copies of an archive's catalog belong: in the archive, and in the backup folder if there is one."""
    own = in_archive(archive.root, require_root=archive.require_present)
    if backup_folder is None:
        return (own,)
    return own, in_backup_folder(backup_folder, archive.description.archive_uuid)


def make(archive: Archive, targets: Sequence[Target], wanted: Wanted) -> tuple[Copied, ...]:
    """Copy an archive's catalog into these places, with the last copy before a migration that only the archive has."""
    done = copy_catalog(archive.catalog, targets, wanted)
    own = in_archive(archive.root, require_root=archive.require_present)
    for target in targets:
        with suppress(ArchiveError, OSError):
            if target.place.root != archive.root:
                _copy_over(own, target.place)
    return done


def copy_into(targets: Sequence[Target], archive: Archive, wanted: Wanted) -> tuple[Copied, ...]:
    """Copy an archive's catalog into these places, and nothing else."""
    return copy_catalog(archive.catalog, targets, wanted)


def _copy_over(own: CopyPlace, place: CopyPlace) -> None:
    for copy in [each for each in own.copies() if each.is_before_migration][-1:]:
        if copy not in place.copies():
            copy_over(copy, own, place)


def first_entry(archive: Archive) -> datetime | None:
    """Return when the oldest entry was received; None if there is none."""
    with archive.read() as db:
        found = entries.oldest_id(db)
    return moment_of(found) if found and is_archive_id(found) else None
