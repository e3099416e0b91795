"""What the catalog says and what lies on disk, side by side, in the order of archive ids; a page at a time is in memory."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from pywats_archive.archive import layout
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import entries, events, reports
from pywats_archive.catalog.rows import BadRow
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH, is_archive_id
from pywats_archive.models.report import Report

_PAGE = 500
_TOPS = (layout.SOURCES, layout.REPORTS)
_TEMPORARY_SUFFIX = ".part"
_Item = tuple[str, ArchiveEntry | Report | BadRow | str]
"""An archive id, and something that there is under it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """All that there is under one archive id."""

    archive_id: str
    entry: ArchiveEntry | None = None
    reports: tuple[Report, ...] = ()
    files: tuple[str, ...] = ()
    """Paths relative to the archive: sources, then companions, then reports, each by their numbers."""
    faults: tuple[str, ...] = ()
    """Which of its rows make no sense, and why; what they should say is left out."""

    @property
    def is_purged(self) -> bool:
        """Tell whether its bytes were purged, so that only its rows are left."""
        return self.entry is not None and self.entry.purged_at is not None

    @property
    def recorded_paths(self) -> frozenset[str]:
        """The blobs that a row names, and that should be there."""
        if self.is_purged:
            return frozenset()
        mine = self.entry
        named = (mine.source_archived_path, *(c.archived_path for c in mine.companions)) if mine else ()
        return frozenset(path for path in (*named, *(r.archived_path for r in self.reports)) if path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stray:
    """A file that cannot be a blob by its name and place, or a folder that cannot be listed."""

    path: str
    reason: str | None = None
    """Why a folder cannot be listed."""

    @property
    def is_half_written(self) -> bool:
        """Tell whether a blob would have become of it."""
        return self.path.endswith(_TEMPORARY_SUFFIX)


def holdings(archive: Archive, strays: list[Stray]) -> Iterator[Holding]:
    """Stream all there is by archive id; what is under none is added to ``strays`` on the way."""
    streams = (_entries(archive), _reports(archive), *(_files(archive.root, top, strays) for top in _TOPS))
    return _grouped(heapq.merge(*streams, key=itemgetter(0)))


def on_disk(root: Path, strays: list[Stray]) -> Iterator[Holding]:
    """Stream the files of an archive by archive id, whatever its catalog says."""
    return _grouped(heapq.merge(*(_files(root, top, strays) for top in _TOPS), key=itemgetter(0)))


def count_files(root: Path) -> int:
    """Count the files that look like blobs."""
    return sum(1 for top in _TOPS for _ in _files(root, top, []))


def half_written_beside(root: Path) -> tuple[Stray, ...]:
    """Give the half-written files that lie beside the catalog."""
    names = sorted(item.name for item in os.scandir(root) if item.is_file())
    return tuple(stray for name in names if (stray := Stray(path=name)).is_half_written)


def current(archive: Archive, archive_id: str) -> Holding:
    """Give what the catalog says of one archive id now, without its files."""
    with archive.read() as db:
        return _holding(archive_id, [*entries.of_id(db, archive_id), *reports.of_id(db, archive_id)])


def removed_on_record(archive: Archive, archive_id: str) -> frozenset[str]:
    """Give the report blobs of an entry that were removed, and that on record."""
    with archive.read() as db:
        told = events.of_entry(db, archive_id)
    return frozenset(str(event.details.get("blob")) for event in told if event.kind == "report.removed")


def is_purge_on_record(archive: Archive, archive_id: str) -> bool:
    """Tell whether the history, which is chained, tells of an entry's purge."""
    with archive.read() as db:
        return any(event.kind == "entry.purged" for event in events.of_entry(db, archive_id))


def first_break(archive: Archive) -> Event | None:
    """Walk the chain of events; gives the first that is not what it must be."""
    with archive.read() as db:
        return events.first_break(db)


def told_by_history(archive: Archive, archive_id: str) -> dict[str, str]:
    """Give the checksum of each blob of an entry as the events tell it, which are chained."""
    with archive.read() as db:
        events_of_entry = events.of_entry(db, archive_id)
    told: dict[str, str] = {}
    for event in events_of_entry:
        for details in (event.details, *event.details.get("reports", ())):
            if isinstance(details, dict) and details.get("blob"):
                told[str(details["blob"])] = str(details.get("checksum"))
    return told


def gone_entries(archive: Archive) -> Iterator[str]:
    """Stream the archive ids that the history tells of and no row has: rows are never removed."""
    with archive.read() as db:
        yield from events.without_entry(db)


def _grouped(stream: Iterable[_Item]) -> Iterator[Holding]:
    for archive_id, group in itertools.groupby(stream, key=itemgetter(0)):
        yield _holding(archive_id, [item for _, item in group])


def _holding(archive_id: str, items: Sequence[ArchiveEntry | Report | BadRow | str]) -> Holding:
    return Holding(
        archive_id=archive_id,
        entry=next((item for item in items if isinstance(item, ArchiveEntry)), None),
        reports=tuple(item for item in items if isinstance(item, Report)),
        files=tuple(sorted((item for item in items if isinstance(item, str)), key=_in_order)),
        faults=tuple(item.fault for item in items if isinstance(item, BadRow)),
    )


def _key(row: ArchiveEntry | Report | BadRow) -> Any:
    return row.key if isinstance(row, BadRow) else row.archive_id


def _entries(archive: Archive) -> Iterator[_Item]:
    after: Any = ""
    while True:
        with archive.read() as db:
            page = entries.by_id(db, after, _PAGE)
        yield from ((str(_key(entry)), entry) for entry in page)
        if len(page) < _PAGE:
            return
        after = _key(page[-1])


def _reports(archive: Archive) -> Iterator[_Item]:
    after: Any = ""
    while True:
        with archive.read() as db:
            upto = reports.id_after(db, after, _PAGE)
            page = reports.by_id(db, after, upto) if upto else ()
        yield from ((str(_key(report)), report) for report in page)
        if upto is None:
            return
        after = upto


def _files(root: Path, top: str, strays: list[Stray]) -> Iterator[_Item]:
    """Stream the blobs beneath ``top`` with their archive ids, in the order of these, a day's names at a time."""

    def unlisted(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # nothing was archived yet, or a day was just purged
            path = Path(error.filename).relative_to(root).as_posix()
            strays.append(Stray(path=path, reason=error.strerror or str(error)))

    for parent, folders, names in os.walk(root / top, onerror=unlisted):
        folders.sort()
        folder = Path(parent).relative_to(root).as_posix()
        for name in sorted(names):
            archive_id, path = name[:ARCHIVE_ID_LENGTH], f"{folder}/{name}"
            if name.endswith(".gz") and is_archive_id(archive_id) and folder == layout.day_folder(top, archive_id):
                yield archive_id, path
            else:
                strays.append(Stray(path=path))


def _in_order(path: str) -> tuple[bool, bool, int, str]:
    return path.startswith(layout.REPORTS), layout.is_companions(path), layout.number_of(path), path
