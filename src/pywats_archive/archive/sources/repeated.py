"""A source seen again: under another time, name or path, it belongs to an arrival that has it already."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import arrivals
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.file_stamp import FileStamp


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A source that was read, of an arrival in state SEEN."""

    arrival_id: int
    converter_name: str
    path: str
    stamp: FileStamp
    checksum: str
    is_repeated: bool
    """Whether another arrival was known at its path."""


class KnownAgain(Exception):
    """The source belongs to another arrival."""

    def __init__(self, seen: Seen, known: Arrival) -> None:
        self.seen, self.known = seen, known
        self.reason = f"the same bytes as {known.archive_id}, which was {known.path}"


def refuse(archive: Archive, seen: Seen) -> None:
    """Raise KnownAgain if the bytes are those of an unfinished source of this path, or of one that stayed in its folder.

    A source that stayed (KEEP) is recognized by its name or its inode, wherever its folder is now; that of another converter,
    which had the folder before, only at its path.
    """
    with archive.read() as db:
        same = arrivals.same_at_path(db, seen.arrival_id, seen.checksum) if seen.is_repeated else None
        stayed = () if same else arrivals.kept(db, seen.converter_name, seen.path, seen.checksum)
    known = same or next((arrival for arrival in stayed if _is_it(arrival, seen)), None)
    if known is not None:
        raise KnownAgain(seen, known)


def assign(archive: Archive, found: KnownAgain) -> None:
    """Assign the source to the known arrival.

    If both are in one folder (a hard link), or the known one is another converter's, the new arrival is skipped instead.
    """
    seen, known = found.seen, found.known
    place = {"path": seen.path, **seen.stamp.fields()}
    lies_beside = seen.path != known.path and _folder(seen.path) == _folder(known.path) and os.path.lexists(known.path)

    is_of_another = known.converter_name != seen.converter_name

    def unit(tx: Connection) -> None:
        if lies_beside or is_of_another:
            state, now, archive_id = ArrivalState.SKIPPED, archive.now(), known.archive_id
            arrivals.change(
                tx, seen.arrival_id, state=state, now=now, archive_id=archive_id, reason=found.reason, **place
            )
        else:
            arrivals.set_place(tx, known.number, **place)
            arrivals.forget(tx, seen.arrival_id)

    archive.write(unit)


def _is_it(known: Arrival, seen: Seen) -> bool:
    is_one_file = known.inode is not None and known.inode == seen.stamp.inode
    return is_one_file or Path(known.path).name == Path(seen.path).name


def _folder(path: str) -> Path:
    return Path(path).parent
