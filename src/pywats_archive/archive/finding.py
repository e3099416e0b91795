"""Entries by what people call them."""

from __future__ import annotations

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import entry_names


def ids_of(archive: Archive, text: str, *, limit: int) -> tuple[str, ...]:
    """Return the ids of the entries that a part of an id, a serial number, a path or a file name names, newest first."""
    with archive.read() as db:
        return entry_names.ids_of(db, text, limit=limit)
