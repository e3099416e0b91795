"""Which source of a Done folder has an entry already, and what the server may have of an imported entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import role
from pywats_archive.archive.report_ids.assignment import may_be_spare
from pywats_archive.catalog import arrivals, entries, events, moved, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import StorageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.report import id_key
from pywats_archive.portable.files import latest_change_ns


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
    archived_at: datetime
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
        if not is_imported(db, archive, entry):
            return None
        found = reports.of_entry(db, entry.archive_id)
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
    checksum: Callable[[], str] | None = None,
) -> Known | None:
    """Return the entry of a source with this path, size and time, without reading it; None if there is none.

    An entry without bytes in the archive does not count: its source is imported again. ``moved_as``: the entry of the source
    that the service moved there. ``zip_``: the zip that the source lies in, whose time is too coarse to tell sources apart.
    ``checksum`` reads the source, which is done if only its time is another one.
    """
    with archive.read() as db:
        at_path = entries.at_path(db, os.fspath(path), converter_name)
        found = tuple(each for each in at_path if _was_in(archive, each, zip_))
        if moved_as is not None and entries.has(db, moved_as):
            found = (*found, entries.get(db, moved_as))
    there = [each for each in found if has_bytes(each)]
    same = [each for each in there if each.source_stamp.matches(stamp)] or _with_bytes_of(there, stamp, checksum)
    return known_as(archive, same[-1]) if same else None


def _with_bytes_of(
    found: Sequence[ArchiveEntry], stamp: FileStamp, checksum: Callable[[], str] | None
) -> list[ArchiveEntry]:
    touched = [each for each in found if each.source_size_bytes == stamp.size_bytes]
    if touched and checksum:
        with suppress(OSError, ValueError, StorageError):  # the import itself says why it cannot be read
            content = checksum()
            return [each for each in touched if each.source_checksum == content]
    return []


def known_as(archive: Archive, entry: ArchiveEntry) -> Known:
    """Return the facts about an entry that an import needs."""
    with archive.read() as db:
        its = reports.of_entry(db, entry.archive_id)
        return Known(
            archive_id=entry.archive_id,
            reports=frozenset(each.checksum for each in its),
            report_ids=frozenset(id_key(each.report_id) for each in its),
            companions=frozenset(each.name for each in entry.companions),
            archived_at=entry.created_at,
            is_imported=is_imported(db, archive, entry),
        )


def addable(archived_at: datetime, source: Path, found: Sequence[Path]) -> tuple[Path, ...]:
    """Return those of the companions found now that may be added to an imported entry.

    They are those in deeper folders, which are in no other entry, and those beside its source that were there when that was
    archived: a kill came before them.
    """
    return tuple(path for path in found if path.parent != source.parent or _was_there(path, archived_at))


def _was_there(path: Path, moment: datetime) -> bool:
    try:
        return latest_change_ns(path.lstat()) <= moment.timestamp() * 1e9
    except OSError:
        return False


def is_imported(db: Connection, archive: Archive, entry: ArchiveEntry) -> bool:
    """Whether an entry was imported, and not archived by the service, as its row, its history or its blob says."""
    if entry.is_as_imported:
        return True
    if arrivals.of_entry(db, entry.archive_id) is not None:
        return False
    origins = {event.details.get(role.ORIGIN) for event in events.of_entry(db, entry.archive_id)}
    return role.IMPORTED in origins or role.is_imported(_header(archive, entry))  # after a rebuild, no event says so


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
