"""What a crash left behind: half-written blobs go, finished blobs without a row come back as what they say they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from pywats_archive.archive import layout
from pywats_archive.archive.adoption import companions_of, entry_of, report_of
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import arrivals, entries, events, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import BlobDamaged, UnknownEntry
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.event import Event
from pywats_archive.models.ids import ARCHIVE_ID_LENGTH, is_archive_id, moment_of
from pywats_archive.models.query import EntryFilter

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What recovery found and did; paths are relative to the archive."""

    removed: tuple[str, ...] = ()
    """Half-written files, which nothing counted on."""
    entries: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    """Finished blobs that cannot be read; left where they are."""

    @property
    def found_anything(self) -> bool:
        """Tell whether there was anything to repair."""
        return any((self.removed, self.entries, self.reports, self.companions, self.damaged))


def recover(archive: Archive, *, retention_days: int = 90) -> Recovery:
    """Repair what a crash left, in the days it can have touched (invariant 5); owner only, safe to repeat."""
    archive.require_owner()
    removed: list[str] = []
    found: dict[str, list[str]] = {"source": [], "companions": [], "report": [], "damaged": []}
    for day in sorted(_days(archive)):
        for top in (layout.SOURCES, layout.REPORTS):
            folder = f"{top}/{day:%Y/%m/%d}"
            archive.blobs.remove_temporary(folder, report=lambda p: removed.append(_relative(archive, p)))
            for path in sorted(_unknown(archive, folder), key=layout.is_companions):  # after the source they belong to
                found[_adopt(archive, path, retention_days)].append(path)
    recovery = Recovery(
        removed=tuple(removed),
        entries=tuple(found["source"]),
        reports=tuple(found["report"]),
        companions=tuple(found["companions"]),
        damaged=tuple(found["damaged"]),
    )
    if recovery.found_anything:
        details = {"removed": recovery.removed, "adopted": [*found["source"], *found["companions"], *found["report"]]}
        archive.write(lambda tx: events.append(tx, Event(kind="archive.recovered", at=archive.now(), details=details)))
    return recovery


def _days(archive: Archive) -> set[date]:
    """The last known day and all after it, and the days of entries that were still on their way."""
    with archive.read() as db:
        newest = entries.find(db, EntryFilter(), limit=1).items
        open_ids = [a.archive_id for a in arrivals.unfinished(db) if a.archive_id]
    today = archive.now().date()
    days = {moment_of(archive_id).date() for archive_id in open_ids} | {today}
    if not newest:
        return days | _days_on_disk(archive)
    last = min(newest[0].created_at.date(), today) - _DAY
    return days | {day for day in _days_on_disk(archive) if day >= last}


def _days_on_disk(archive: Archive) -> set[date]:
    found = set()
    for top in (layout.SOURCES, layout.REPORTS):
        for folder in (archive.root / top).glob("????/??/??"):
            year, month, day = folder.parts[-3:]
            found.add(date(int(year), int(month), int(day)))
    return found


def _unknown(archive: Archive, folder: str) -> Iterator[str]:
    for path in archive.blobs.paths(folder):
        archive_id = PurePosixPath(path).name[:ARCHIVE_ID_LENGTH]
        if is_archive_id(archive_id) and path not in _known_paths(archive, archive_id):
            yield path


def _known_paths(archive: Archive, archive_id: str) -> set[str]:
    with archive.read() as db:
        if not entries.has(db, archive_id):
            return set()
        entry = entries.get(db, archive_id)
        known = {entry.source_archived_path, *(c.archived_path for c in entry.companions)}
        return known | {report.archived_path for report in reports.of_entry(db, archive_id)}


def _adopt(archive: Archive, path: str, retention_days: int) -> str:
    """Give an unknown blob its row; gives the kind it is of, or ``damaged``."""
    try:
        metadata = archive.blobs.label(path).metadata
        kind = str(metadata["kind"])
        _ADOPTIONS[kind](archive, path, metadata, retention_days)
    except (BlobDamaged, UnknownEntry, KeyError, ValueError, TypeError):
        return "damaged"
    return kind


def _adopt_source(archive: Archive, path: str, metadata: dict[str, Any], retention_days: int) -> None:
    archive.blobs.check(path, f"sha256:{metadata['sha256']}")
    entry = entry_of(archive, path, metadata, retention_days=retention_days)

    def unit(tx: Connection) -> None:
        entries.add(tx, entry)
        seen = arrivals.latest_at_path(tx, entry.converter_name, entry.source_original_path)
        if seen and seen.arrival_id and seen.state is ArrivalState.SEEN and seen.mtime_ns == entry.source_mtime_ns:
            state, now = ArrivalState.ARCHIVED, archive.now()
            arrivals.change(tx, seen.arrival_id, state=state, now=now, archive_id=entry.archive_id)
        details = {"blob": path, "checksum": entry.source_checksum}
        events.append(
            tx, Event(kind="source.recovered", at=archive.now(), archive_id=entry.archive_id, details=details)
        )

    archive.write(unit)


def _adopt_companions(archive: Archive, path: str, metadata: dict[str, Any], retention_days: int) -> None:
    entry = archive.entry(metadata["archive_id"])
    found = companions_of(archive, path, metadata)
    archive.write(lambda tx: entries.set_companions(tx, entry.archive_id, (*entry.companions, *found)))


def _adopt_report(archive: Archive, path: str, metadata: dict[str, Any], retention_days: int) -> None:
    """A report of a conversion that was never recorded: kept, not sent; its id is the one this report will have."""
    archive.entry(metadata["archive_id"])
    report = report_of(archive, path, metadata)
    archive.write(lambda tx: reports.add(tx, report))


_ADOPTIONS = {"source": _adopt_source, "companions": _adopt_companions, "report": _adopt_report}


def _relative(archive: Archive, path: Path) -> str:
    return path.relative_to(archive.root).as_posix()
