"""Replaces the copies of the catalog from before an erasure by one from after it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pywats_archive.archive import backups
from pywats_archive.archive.copies.making import Target, Wanted
from pywats_archive.archive.core import Archive
from pywats_archive.errors import StorageError

_SECOND = timedelta(seconds=1)
"""Copies are named by the second."""


def replace(archive: Archive, backup_folder: Path | None) -> int:
    """Copy the catalog wherever it has copies, then remove the older ones; returns how many. StorageError if one stays."""
    removed = 0
    for place in backups.places(archive, backup_folder):
        old = place.copies()
        if not old:
            continue
        at = max(archive.now(), max(old).at + _SECOND)
        wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=at)
        for made in backups.copy_into([Target(place=place)], archive, wanted):
            if made.failure:
                raise StorageError(
                    f"{place.path}: no new copy of the catalog can be made ({made.failure}), so the old copies stay, "
                    "with the erased texts; run 'erase' again later"
                )
        place.remove(old)
        if stays := [copy.name for copy in place.copies() if copy in old]:
            raise StorageError(
                f"{place.path / stays[0]}: cannot be removed, and contains erased texts; run 'erase' again later"
            )
        removed += len(old)
    return removed
