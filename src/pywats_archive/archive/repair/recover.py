"""Repairs what a crash left: half-written blobs are removed, finished blobs without a row get one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from pywats_archive.archive import purging
from pywats_archive.archive.core import Archive
from pywats_archive.archive.erasing import unfinished
from pywats_archive.archive.folder import layout, locks, role
from pywats_archive.archive.repair.unknown_blobs import KINDS, adopt, unknown
from pywats_archive.catalog import arrivals, entry_pages, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import (
    ArchiveInUse,
    CatalogDamaged,
    RunRunning,
    StorageError,
    UnknownEntry,
)
from pywats_archive.models.event import Event
from pywats_archive.models.ids import id_in, is_archive_id, moment_of
from pywats_archive.models.query import EntryFilter
from pywats_archive.portable import names

_DAY = timedelta(days=1)
_LONGEST_BATCH_S = 60.0
"""How long a start waits for an import that writes a large source."""
_COARSEST_CLOCK = timedelta(seconds=2)
"""The largest error by which a file system dates a change too early (FAT)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """What recovery found and did; paths are relative to the archive."""

    removed: tuple[str, ...] = ()
    """Removed half-written files; nothing relied on them."""
    entries: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    """Finished blobs that are invalid; left where they are."""
    unread: tuple[str, ...] = ()
    """Blobs that the operating system cannot read now; the next recovery tries again."""
    purges: int = 0
    """Purges that were recorded and not finished."""

    @property
    def found_anything(self) -> bool:
        """Whether there was anything to repair."""
        return any((self.removed, self.entries, self.reports, self.companions, self.damaged, self.unread, self.purges))


def recover(archive: Archive) -> Recovery:
    """Repair what a crash left, in the days it can have affected (invariant 5); owner only, safe to repeat.

    While a replay, which writes reports, runs in another process, reports are left to the next recovery. StorageError if
    leftovers cannot be removed.
    """
    archive.require_owner()
    archive.compliance.restore()
    begun = _note_beginning(archive)
    finished = _finish_purges(archive)
    unfinished.finish(archive)
    try:
        recovery, is_whole = _repair_all(archive)
    except OSError as exc:
        raise StorageError(f"{archive.root}: cannot be repaired after a crash ({exc.strerror or exc})") from exc
    recovery = replace(recovery, purges=finished)
    if recovery.found_anything:
        adopted = [*recovery.entries, *recovery.companions, *recovery.reports]
        details = {"removed": recovery.removed, "adopted": adopted, "purges": recovery.purges}
        archive.write(lambda tx: events.append(tx, Event(kind="archive.recovered", at=archive.now(), details=details)))
    if is_whole:
        with suppress(OSError):
            names.replace(begun, archive.root / layout.RECOVERED)
    return recovery


def _repair_all(archive: Archive) -> tuple[Recovery, bool]:
    """Repair sources and reports; returns also whether nothing is left for the next recovery.

    While a replay runs, reports are left alone. While an import writes, its blobs are left alone.
    """
    try:
        with locks.between_import_batches(archive.root, timeout_s=_LONGEST_BATCH_S):
            return _repair_outside_replays(archive, is_importing=False)
    except ArchiveInUse:
        return _repair_outside_replays(archive, is_importing=True)[0], False


def adopt_imports(archive: Archive, *, since_s: float) -> None:
    """Add the rows of blobs that a killed import left; beside a running service too, whose own blobs are left alone.

    ``since_s``: when that import began, by the file system's clock.
    """
    adopted: set[str] = set()
    for day, changed_s in sorted(_days_on_disk(archive).items()):
        for top in (layout.SOURCES, layout.REPORTS) if changed_s >= since_s - _COARSEST_CLOCK.total_seconds() else ():
            for path in sorted(unknown(archive, f"{top}/{day:%Y/%m/%d}"), key=_in_order):
                archive_id = id_in(path)
                if (archive_id in adopted or _is_imported(archive, path)) and adopt(archive, path) in KINDS:
                    adopted.add(archive_id)


def _in_order(path: str) -> tuple[bool, str, int]:
    """Sort companions behind the source that they belong to, and the reports of an entry as they were made."""
    return layout.is_companions(path), id_in(path), layout.number_of(path)


def _is_imported(archive: Archive, path: str) -> bool:
    """Whether an import wrote a blob that has no row; for companions, the header of their source counts."""
    with suppress(OSError, StorageError):
        return role.is_imported(archive.blobs.label(path).metadata) or _is_of_imported(archive, path)
    return False


def _is_of_imported(archive: Archive, path: str) -> bool:
    with suppress(UnknownEntry):
        source = archive.entry(id_in(path)).source_archived_path
        is_first = layout.is_companions(path) and bool(source)
        return is_first and role.is_imported(archive.blobs.label(source).metadata)
    return False


def _repair_outside_replays(archive: Archive, *, is_importing: bool) -> tuple[Recovery, bool]:
    try:
        with locks.nobody_replaying(archive.root):
            repaired = _repair(archive, (layout.SOURCES, layout.REPORTS), is_importing=is_importing)
            return repaired, not repaired.unread
    except RunRunning:
        return _repair(archive, (layout.SOURCES,), is_importing=is_importing), False


def _finish_purges(archive: Archive) -> int:
    """Finish purges; bytes that somebody reads (Windows) are left to the next purge."""
    with suppress(StorageError):
        return purging.finish_unfinished(archive).purges
    return 0


def _note_beginning(archive: Archive) -> Path:
    """Note the beginning by the file system's clock; if that fails (disk full), the next recovery checks more days."""
    begun = archive.root / layout.RECOVERING
    with suppress(OSError):
        names.unlink(begun, missing_ok=True)
        begun.touch(mode=0o600)
    return begun


def _repair(archive: Archive, tops: Sequence[str], *, is_importing: bool) -> Recovery:
    """Repair what a crash left in these folders; while an import writes, its blobs and half-written files are left alone."""
    removed: list[str] = []
    found: dict[str, list[str]] = {"source": [], "companions": [], "report": [], "damaged": [], "unread": []}
    imports: set[str] = set()
    for folder in ("", layout.CONVERTERS, layout.BACKUPS):
        archive.blobs.remove_temporary(folder, report=lambda p: removed.append(_relative(archive, p)), deep=False)
    for day in sorted(_days(archive)):
        for top in tops:
            folder = f"{top}/{day:%Y/%m/%d}"
            if not is_importing:
                archive.blobs.remove_temporary(folder, report=lambda p: removed.append(_relative(archive, p)))
            for path in sorted(unknown(archive, folder), key=_in_order):
                if is_importing and (id_in(path) in imports or _is_imported(archive, path)):
                    imports.add(id_in(path))
                elif archive.blobs.remove_if_empty(path):
                    removed.append(path)
                else:
                    found[adopt(archive, path)].append(path)
    return Recovery(
        removed=tuple(removed),
        entries=tuple(found["source"]),
        reports=tuple(found["report"]),
        companions=tuple(found["companions"]),
        damaged=tuple(found["damaged"]),
        unread=tuple(found["unread"]),
    )


def _days(archive: Archive) -> set[date]:
    """Return the last known day and all after it, the days of unfinished entries, and all changed since the last recovery."""
    with archive.read() as db:
        newest = _newest_day(db)
        open_ids = [a.archive_id for a in arrivals.unfinished(db) if a.archive_id]
    today = archive.now().date()
    on_disk = _days_on_disk(archive)
    days = {moment_of(archive_id).date() for archive_id in open_ids if is_archive_id(archive_id)}
    days |= {today} | _touched(archive, on_disk)
    if newest is None:
        return days | on_disk.keys()
    last = min(newest, today) - _DAY
    return days | {day for day in on_disk if day >= last}


def _newest_day(db: Connection) -> date | None:
    """Return the day of the latest entry; None if there is none, or its row is invalid."""
    with suppress(CatalogDamaged):
        for entry in entry_pages.find(db, EntryFilter(), limit=1).items:
            return entry.created_at.date()
    return None


def _touched(archive: Archive, on_disk: dict[date, float]) -> set[date]:
    """Return the days whose folders changed since the last recovery began, by the file system's clock."""
    try:
        since = (archive.root / layout.RECOVERED).stat().st_mtime - _COARSEST_CLOCK.total_seconds()
    except FileNotFoundError:
        return set(on_disk)
    return {day for day, changed in on_disk.items() if changed >= since}


def _days_on_disk(archive: Archive) -> dict[date, float]:
    """Stream each day that has a folder, and when a name in it last changed."""
    found: dict[date, float] = {}
    for top in (layout.SOURCES, layout.REPORTS):
        for folder in (archive.root / top).glob("????/??/??"):
            year, month, day = folder.parts[-3:]
            key = date(int(year), int(month), int(day))
            found[key] = max(found.get(key, 0.0), folder.stat().st_mtime)
    return found


def _relative(archive: Archive, path: Path) -> str:
    return path.relative_to(archive.root).as_posix()
