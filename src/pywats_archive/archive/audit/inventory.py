"""The catalog's rows and the files on disk, side by side, in the order of archive ids; one page at a time is in memory."""

from __future__ import annotations

import heapq
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.blobs.temporary import TEMPORARY_SUFFIX
from pywats_archive.catalog import entries, events, reports
from pywats_archive.catalog.rows import BadRow
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import Event
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH, is_archive_id
from pywats_archive.models.report import Report

_PAGE = 500
_TOPS = (layout.SOURCES, layout.REPORTS)
_Item = tuple[str, ArchiveEntry | Report | BadRow | str]
"""An archive id, and something with that id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Everything with one archive id."""

    archive_id: str
    entry: ArchiveEntry | None = None
    reports: tuple[Report, ...] = ()
    files: tuple[str, ...] = ()
    """Paths relative to the archive: sources, then companions, then reports, each by their numbers."""
    faults: tuple[str, ...] = ()
    """Which of its rows are invalid, and why; their values are left out."""

    @property
    def is_purged(self) -> bool:
        """Whether its bytes were purged, so that only its rows are left."""
        return self.entry is not None and self.entry.purged_at is not None

    @property
    def recorded_paths(self) -> frozenset[str]:
        """The blobs that a row names, and that should exist."""
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
        """Whether it is an unfinished blob."""
        return self.path.endswith(TEMPORARY_SUFFIX)


def holdings(archive: Archive, strays: list[Stray]) -> Iterator[Holding]:
    """Stream everything by archive id; files without one are added to ``strays`` on the way."""
    streams = (_entries(archive), _reports(archive), *(_files(archive.root, top, strays) for top in _TOPS))
    return _grouped(heapq.merge(*streams, key=itemgetter(0)))


def on_disk(root: Path, strays: list[Stray]) -> Iterator[Holding]:
    """Stream the files of an archive by archive id, whatever its catalog says."""
    return _grouped(heapq.merge(*(_files(root, top, strays) for top in _TOPS), key=itemgetter(0)))


def count_files(root: Path) -> int:
    """Count the files that look like blobs."""
    return sum(1 for top in _TOPS for _ in _files(root, top, []))


def half_written_beside(root: Path) -> tuple[Stray, ...]:
    """Return the half-written files beside the catalog."""
    names = sorted(item.name for item in os.scandir(root) if item.is_file())
    return tuple(stray for name in names if (stray := Stray(path=name)).is_half_written)


def current(archive: Archive, archive_id: str) -> Holding:
    """Return what the catalog now says about one archive id, without its files."""
    with archive.read() as db:
        return _holding(archive_id, [*entries.of_id(db, archive_id), *reports.of_id(db, archive_id)])


def removed_on_record(archive: Archive, archive_id: str) -> frozenset[str]:
    """Return the report blobs of an entry that were removed on record."""
    with archive.read() as db:
        of_entry = tuple(events.readable_of_entry(db, archive_id))
    return frozenset(str(event.details.get("blob")) for event in of_entry if event.kind == "report.removed")


def is_purge_on_record(archive: Archive, archive_id: str) -> bool:
    """Whether the chained history records the purge of an entry."""
    with archive.read() as db:
        return any(event.kind in ("entry.purged", events.ERASED) for event in events.readable_of_entry(db, archive_id))


def first_break(archive: Archive) -> Event | None:
    """Check the chain of events; returns the first event that breaks it."""
    with archive.read() as db:
        return events.first_break(db)


def checksums_in_history(archive: Archive, archive_id: str) -> dict[str, str]:
    """Return the checksum of each blob of an entry according to the chained events."""
    with archive.read() as db:
        events_of_entry = tuple(events.readable_of_entry(db, archive_id))
    checksums: dict[str, str] = {}
    for event in events_of_entry:
        for details in (event.details, *event.details.get("reports", ())):
            if isinstance(details, dict) and details.get("blob"):
                checksums[str(details["blob"])] = str(details.get("checksum"))
    return checksums


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
    """Stream the blobs beneath ``top`` with their archive ids, in the order of the ids, one day's names at a time."""

    def unlisted(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # nothing was archived yet, or a day was just purged
            path = Path(error.filename).relative_to(root).as_posix()
            strays.append(Stray(path=path, reason=error.strerror or str(error)))

    for parent, folders, names in os.walk(root / top, onerror=unlisted):
        folders.sort()
        folder = Path(parent).relative_to(root).as_posix()
        for name in sorted(names):
            archive_id, path = name[:ARCHIVE_ID_LENGTH], f"{folder}/{name}"
            if (
                name.endswith((".gz", ".gz.age"))
                and is_archive_id(archive_id)
                and folder == layout.day_folder(top, archive_id)
            ):
                yield archive_id, path
            else:
                strays.append(Stray(path=path))


def _in_order(path: str) -> tuple[bool, bool, int, str]:
    return path.startswith(layout.REPORTS), layout.is_companions(path), layout.number_of(path), path
