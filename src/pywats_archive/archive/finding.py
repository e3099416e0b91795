"""Finds entries by a part of their id, serial number, path or file name."""

from __future__ import annotations

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import entry_names


def ids_of(archive: Archive, text: str, *, limit: int) -> tuple[str, ...]:
    """Return the ids of the entries with this part of an id, serial number, path or file name, newest first."""
    with archive.read() as db:
        return entry_names.ids_of(db, text, limit=limit)
