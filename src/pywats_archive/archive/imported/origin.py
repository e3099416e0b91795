"""The record that an entry had in the archive that it comes from, with its history there, as a blob beside its files.

It is never mixed with this archive's history, which names its checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.header import checksum_in
from pywats_archive.catalog import events
from pywats_archive.errors import ArchiveError, BlobLocked
from pywats_archive.models.event import IMPORTED_FROM, SOURCE_IMPORTED, Event
from pywats_archive.models.ids import id_in


def event_of(archive: Archive, archive_id: str) -> Event | None:
    """Return the event of the import of an entry from another archive; None if it was not imported from one."""
    with archive.read() as db:
        found = (each for each in events.of_entry(db, archive_id) if IMPORTED_FROM in each.details)
        return next(found, None)


def check_all(archive: Archive) -> Iterator[tuple[str, str | None]]:
    """Read every record of an origin, and yield its path with its fault: damaged, or another one than the history names."""
    for path in archive.blobs.paths(layout.ORIGINS):
        yield path, _fault(archive, path)


def recorded(archive: Archive) -> Iterator[str]:
    """Yield the path of each record that the history says is stored; it is never removed."""
    with archive.read() as db:
        of_kinds = (events.details_with(db, kind, IMPORTED_FROM) for kind in ("source.archived", SOURCE_IMPORTED))
        for details in chain.from_iterable(of_kinds):
            if record := details[IMPORTED_FROM].get("record"):
                yield str(record["blob"])


def _fault(archive: Archive, path: str) -> str | None:
    try:
        metadata = archive.blobs.label(path).metadata
        archive.blobs.check(path, checksum_in(metadata))
        event = event_of(archive, id_in(path))
    except BlobLocked:
        return archive.blobs.encrypted_fault(path)
    except (ArchiveError, OSError, KeyError) as exc:
        return str(exc)
    known = event.details[IMPORTED_FROM].get("record") if event else None
    if known and known["checksum"] != checksum_in(metadata):
        return f"{archive.root / path}: is another record than was imported ({known['checksum']}); restore a backup"
    return None
