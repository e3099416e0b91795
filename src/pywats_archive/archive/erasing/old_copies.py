"""Replaces the copies of the catalog from before an erasure by one from after it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pywats_archive.archive import backups
from pywats_archive.archive.copies.making import Target, Wanted
from pywats_archive.archive.copies.place import CopyPlace
from pywats_archive.archive.core import Archive
from pywats_archive.errors import StorageError

_SECOND = timedelta(seconds=1)
"""Copies are named by the second."""


def replace(archive: Archive, backup_folder: Path | None) -> tuple[str, ...]:
    """Copy the catalog wherever it has copies, then remove the older ones.

    Returns the places where an old copy stays, or may stay because the place is away, each with the reason.
    """
    failures = (_replaced(archive, place) for place in backups.places(archive, backup_folder))
    return tuple(failure for failure in failures if failure)


def _replaced(archive: Archive, place: CopyPlace) -> str | None:
    """Replace the copies of one place; returns why one of them stays, or may stay."""
    try:
        place.require_root()
        old = place.copies()
    except StorageError as exc:
        return (
            f"{exc}. Copies of the catalog there may have the erased texts; if they are gone for good, create an empty "
            f"folder {place.root}"
        )
    if not old:
        return None
    at = max(archive.now(), max(old).at + _SECOND)
    wanted = Wanted(archive_uuid=archive.description.archive_uuid, at=at)
    for made in backups.copy_into([Target(place=place)], archive, wanted):
        if made.failure:
            why = f"no new copy of the catalog can be made ({made.failure})"
            return f"{place.path}: {why}, so the old copies stay, with the erased texts"
    place.remove(old)
    stays = [copy.name for copy in place.copies() if copy in old]
    return f"{place.path / stays[0]}: cannot be removed, and contains erased texts" if stays else None
