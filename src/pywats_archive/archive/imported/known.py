"""Which source of a Done folder has an entry already, and what the server may have of an imported entry."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import role
from pywats_archive.archive.report_ids.assignment import may_be_spare
from pywats_archive.catalog import arrivals, entries, events, moved, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError
from pywats_archive.models.entry import IMPORTED, ArchiveEntry
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.report import id_key


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The entry that a source has already."""

    archive_id: str
    reports: frozenset[str]
    """Checksums of its reports."""
    report_ids: frozenset[str]
    """Their ids, in comparable form."""
    companions: frozenset[str]
    """Names of its companions, relative to the folder of its source."""
    is_imported: bool
    """False if the service archived it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Zip:
    """The zip that a source lies in."""

    name: str
    size_bytes: int


def has_bytes(entry: ArchiveEntry) -> bool:
    """Whether the archive has the bytes of an entry's source: they were archived, and are not purged."""
    return entry.purged_at is None and bool(entry.source_archived_path)


def imported_ids(archive: Archive, entry: ArchiveEntry) -> frozenset[str] | None:
    """Return the ids under which the server may have reports of an imported entry; None if the entry was not imported.

    After a rebuild, ids that were made for reports without one are not among them: such a report of an imported entry was
    never sent.
    """
    with archive.read() as db:
        origins = {event.details.get(role.ORIGIN) for event in events.of_entry(db, entry.archive_id)}
        found = reports.of_entry(db, entry.archive_id)
    is_recorded = role.IMPORTED in origins or entry.conversion_error == IMPORTED
    if not is_recorded and not role.is_imported(_header(archive, entry)):  # after a rebuild, no event says so
        return None
    maybe = (each for each in found if each.may_be_sent)
    return frozenset(each.report_id for each in maybe if not (each.is_sending_unknown and may_be_spare(each.report_id)))


def moved_here(archive: Archive, paths: Collection[Path]) -> dict[str, str]:
    """Return by path the entries of those files that the service moved there after it had archived them."""
    with archive.read() as db:
        return moved.entries_moved_to(db, [os.fspath(path) for path in paths])


def known(
    archive: Archive,
    path: Path,
    converter_name: str,
    stamp: FileStamp,
    *,
    moved_as: str | None = None,
    zip_: Zip | None = None,
) -> Known | None:
    """Return the entry of a source with this path, size and time, without reading it; None if there is none.

    An entry without bytes in the archive does not count: its source is imported again. ``moved_as``: the entry of the source
    that the service moved there. ``zip_``: the zip that the source lies in, whose time is too coarse to tell sources apart.
    """
    with archive.read() as db:
        at_path = entries.at_path(db, os.fspath(path), converter_name)
        found = tuple(each for each in at_path if _was_in(archive, each, zip_))
        if moved_as is not None and entries.has(db, moved_as):
            found = (*found, entries.get(db, moved_as))
        same = [each for each in found if has_bytes(each) and each.source_stamp.matches(stamp)]
        if not same:
            return None
        archive_id = same[-1].archive_id
        its = reports.of_entry(db, archive_id)
        return Known(
            archive_id=archive_id,
            reports=frozenset(each.checksum for each in its),
            report_ids=frozenset(id_key(each.report_id) for each in its),
            companions=frozenset(each.name for each in same[-1].companions),
            is_imported=is_imported(db, archive_id),
        )


def addable(archive: Archive, archive_id: str, source: Path, found: Sequence[Path]) -> tuple[Path, ...]:
    """Return those of the companions found now that may be added to an imported entry.

    They are those in deeper folders, which are in no other entry, and those beside its source if that is all that a killed
    import archived.
    """
    with archive.read() as db:
        is_cut_off = any(event.kind == "source.recovered" for event in events.of_entry(db, archive_id))
    return tuple(path for path in found if is_cut_off or path.parent != source.parent)


def is_imported(db: Connection, archive_id: str) -> bool:
    """Whether an entry that exists was imported, and not archived by the service."""
    return arrivals.of_entry(db, archive_id) is None


def _was_in(archive: Archive, entry: ArchiveEntry, zip_: Zip | None) -> bool:
    """Whether an entry's source was imported out of this zip, as its blob says; from any other, its bytes must be compared."""
    if zip_ is None:
        return True
    packed_in = _header(archive, entry).get(role.PACKED_IN)
    if not isinstance(packed_in, dict):
        return False
    return (packed_in.get("name"), packed_in.get("size_bytes")) == (zip_.name, zip_.size_bytes)


def _header(archive: Archive, entry: ArchiveEntry) -> Mapping[str, Any]:
    """Return the header of an entry's source; empty if it is not in the archive, or cannot be read."""
    if not has_bytes(entry):
        return {}
    try:
        return archive.blobs.label(entry.source_archived_path).metadata
    except (OSError, StorageError):
        return {}
