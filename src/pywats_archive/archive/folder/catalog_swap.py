"""Replaces the catalog by a rebuilt one; the old one is kept, and an interrupted swap is finished when next opened."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from pywats_archive.archive.folder import layout, ownership
from pywats_archive.errors import CatalogDamaged, StorageError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable import files, names

BUILDING = ".metadata.db.part"
_REBUILT, _DAMAGED = f"{layout.CATALOG}.rebuilt-", f"{layout.CATALOG}.damaged-"
_SUFFIXES = ("", "-wal", "-shm")


def is_pending(root: Path) -> bool:
    """Whether a finished catalog waits to replace the old one."""
    return any(root.glob(f"{_REBUILT}*"))


def replaced(root: Path) -> tuple[Path, ...]:
    """Return the catalogs, with their logs, that rebuilt ones replaced."""
    return tuple(sorted(root.glob(f"{_DAMAGED}*")))


def tidy(root: Path) -> None:
    """Remove an unfinished rebuild; owner only, idempotent."""
    for suffix in (*_SUFFIXES, "-journal"):
        names.unlink(root / f"{BUILDING}{suffix}", missing_ok=True)


def require_movable(root: Path) -> None:
    """Raise StorageError if another program has the catalog open, which keeps its name on Windows."""
    catalog = root / layout.CATALOG
    if catalog.exists():
        _rename_catalog(catalog, catalog)  # to its own name: asks, and changes nothing


def replace(root: Path, *, moment: datetime, on_step: OnStep = no_step) -> str | None:
    """Put the finished, closed catalog ``BUILDING`` in place, durably; returns the new name of the old one, if any.

    Once ``BUILDING`` has its second name the swap is decided: ``finish`` completes it after any crash.
    """
    stamp = _free_stamp(root, moment)
    building = root / BUILDING
    if (root / f"{BUILDING}-wal").exists():
        raise StorageError(f"{building}: has a log that is not written back; check the disk, then rebuild again")
    on_step("fsync")
    files.sync_file(building)
    on_step("publish")
    names.rename(building, root / f"{_REBUILT}{stamp}")
    on_step("fsync_folder")
    files.sync_folder(root)
    return finish(root, on_step=on_step)


def finish(root: Path, *, on_step: OnStep = no_step) -> str | None:
    """Move the old catalog aside and rename the rebuilt one; owner only, idempotent.

    StorageError leaves the old catalog in place, and no rebuilt one, if another program has it open (Windows).
    """
    kept = None
    for rebuilt in sorted(root.glob(f"{_REBUILT}*")):
        kept = _put_in_place(root, rebuilt, on_step)
    return kept


def _put_in_place(root: Path, rebuilt: Path, on_step: OnStep) -> str | None:
    aside = _DAMAGED + rebuilt.name.removeprefix(_REBUILT)
    for suffix in _SUFFIXES:  # the database first: if it cannot be moved, nothing was
        old, kept = root / f"{layout.CATALOG}{suffix}", root / f"{aside}{suffix}"
        if not old.exists():
            continue
        on_step("rename")
        if kept.exists():
            raise StorageError(f"{kept}: is in the way of {old}; move one of them away")
        _move_aside(old, kept, rebuilt, is_first=suffix == "")
    on_step("rename")
    names.rename(rebuilt, root / layout.CATALOG)
    on_step("fsync_folder")
    files.sync_folder(root)
    return aside if (root / aside).exists() else None


def _move_aside(old: Path, kept: Path, rebuilt: Path, *, is_first: bool) -> None:
    try:
        _rename_catalog(old, kept)
    except StorageError:
        if is_first:
            names.unlink(rebuilt)
        raise


def _rename_catalog(old: Path, new: Path) -> None:
    try:
        names.rename(old, new)
    except PermissionError as exc:
        raise StorageError(
            f"{old}: cannot be replaced, since it is open in another program ({exc.strerror}); close other pywats-archive "
            "commands on this archive and programs that show its catalog, then rebuild again"
        ) from exc


def _free_stamp(root: Path, moment: datetime) -> str:
    while True:
        stamp = f"{moment:%Y%m%dT%H%M%SZ}"
        if not any((root / f"{_DAMAGED}{stamp}{suffix}").exists() for suffix in _SUFFIXES):
            return stamp
        moment += timedelta(seconds=1)


def complete(root: Path, *, is_owner: bool) -> None:
    """Finish a swap that a crash interrupted; CatalogDamaged if the catalog is missing beside blobs."""
    try:
        if is_owner:
            tidy(root)
            finish(root)
        elif is_pending(root):
            with ownership.owning(root):
                finish(root)
    except OSError as exc:
        raise StorageError(f"{root}: a rebuild cannot be finished ({exc.strerror or exc}); check the disk") from exc
    if not (root / layout.CATALOG).exists() and has_blobs(root):
        raise CatalogDamaged(
            f"{root / layout.CATALOG}: is missing; run 'pywats-archive rebuild' to create it from the blobs"
        )


def has_blobs(root: Path) -> bool:
    """Whether the archive has a folder of sources or reports."""
    return any((root / top).exists() for top in (layout.SOURCES, layout.REPORTS))
