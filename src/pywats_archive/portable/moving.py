"""Moves to a free name, across file systems too; each is safe to repeat after a crash."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from pathlib import Path

from pywats_archive.portable import names, volumes
from pywats_archive.portable.files import (
    WINDOWS,
    is_link,
    rename_exclusive,
    rename_folder_exclusive,
    sync_file,
    sync_folder,
    sync_tree,
    unlink_or_undo,
)

_COARSEST_CLOCK_S = 2.0
"""The largest difference of a file's time between two file systems (FAT)."""


def move_file_exclusive(source: Path, target: Path, *, windows: bool = WINDOWS) -> None:
    """Move a file to a name that is free; FileExistsError when it is taken. Crosses file systems by a durable copy.

    Safe to repeat after a crash: a file that was copied is only removed.
    """
    try:
        rename_exclusive(source, target, windows=windows)
    except FileExistsError:
        noted = marks(source)
        if not _is_copied(source, target):
            raise
        discard(partial_of(source, target.parent), windows=windows)
        remove_marked(source, noted, windows=windows)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        noted = marks(source)
        _copy_exclusive(source, target, windows=windows)
        if os.path.lexists(source) and not _is_as_noted(source, noted):
            names.unlink(target, windows=windows)
            raise OSError(errno.EBUSY, "it changed while it was copied", str(source)) from exc
        copied, remove = os.lstat(target), lambda: remove_marked(source, noted, windows=windows)
        unlink_or_undo(source, target, unlink=remove, made=copied, windows=windows)
    sync_folder(target.parent, windows=windows)


def _copy_exclusive(source: Path, target: Path, *, windows: bool) -> None:
    partial = partial_of(source, target.parent)
    discard(partial, windows=windows)
    try:
        shutil.copy2(source, partial)
        sync_file(partial, windows=windows)
        rename_exclusive(partial, target, windows=windows)
        sync_folder(target.parent, windows=windows)
    finally:
        names.unlink(partial, missing_ok=True, windows=windows)


def move_folder_exclusive(source: Path, target: Path, *, windows: bool = WINDOWS) -> None:
    """Move a folder to a name that is free; FileExistsError when it is taken. Crosses file systems by a durable copy.

    Safe to repeat after a crash: a name that was only reserved is free, and a folder that was copied is only removed.
    """
    if os.path.lexists(target):
        noted = marks(source)
        if _is_copied(source, target):
            remove_marked(source, noted, windows=windows)
            return
    try:
        rename_folder_exclusive(source, target, windows=windows)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        partial, noted = partial_of(source, target.parent), marks(source)
        discard(partial, windows=windows)
        shutil.copytree(source, partial, symlinks=True)
        sync_tree(partial, windows=windows)
        if not _is_as_noted(source, noted):
            discard(partial, windows=windows)
            raise OSError(errno.EBUSY, "it changed while it was copied", str(source)) from exc
        rename_folder_exclusive(partial, target, windows=windows)
        sync_folder(target.parent, windows=windows)
        remove_marked(source, noted, windows=windows)


def partial_of(source: Path, folder: Path) -> Path:
    """Return the temporary path of ``source`` in ``folder``.

    It is the same at each try, so that the next one can discard what a crash left.
    """
    status = source.lstat()
    return folder / f".{status.st_dev:x}-{status.st_ino:x}.part"


def discard(partial: Path, *, windows: bool = WINDOWS) -> None:
    """Remove a half-written file or folder of an earlier try, if there is one."""
    if partial.is_dir() and not partial.is_symlink():
        names.remove_tree(partial, windows=windows)
    else:
        names.unlink(partial, missing_ok=True, windows=windows)


def _is_copied(source: Path, target: Path) -> bool:
    """Return whether ``target``, on another file system, is a copy of ``source``, made before a crash."""
    if source.lstat().st_dev == target.lstat().st_dev:
        return False
    if not source.is_dir():
        return _is_same_file(source, target)
    files = (path for path in source.rglob("*") if not path.is_dir() or path.is_symlink())
    return target.is_dir() and all(_is_same_file(path, target / path.relative_to(source)) for path in files)


def _is_same_file(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink() or not other.is_file():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    is_as_old = abs(one.stat().st_mtime - other.stat().st_mtime) <= _COARSEST_CLOCK_S
    return is_as_old and filecmp.cmp(one, other, shallow=False)


Mark = tuple[int, int, int]
"""Size, time and inode number of a file."""
Marks = dict[str, Mark]
"""The mark of each file of a source, by path."""


def marks(source: Path) -> Marks:
    """Return the marks of a file or folder, so that only these files are removed; links are not followed."""
    if not source.is_dir() or is_link(source):
        return {str(source): _mark(source)}
    return {str(path): _mark(path) for path in source.rglob("*") if path.is_symlink() or not path.is_dir()}


def remove_marked(source: Path, noted: Marks, *, windows: bool = WINDOWS) -> None:
    """Remove the noted files; new or changed ones stay, with an OSError."""
    if not source.is_dir() or is_link(source):
        _remove_marked(source, noted, windows=windows)
        return
    for parent, folders, files in os.walk(source, topdown=False):
        for name in (*files, *(folder for folder in folders if Path(parent, folder).is_symlink())):
            _remove_marked(Path(parent, name), noted, windows=windows)
        names.rmdir(parent, windows=windows)


def _remove_marked(path: Path, noted: Marks, *, windows: bool) -> None:
    """Remove a noted file; before each try it is compared again, since the program that has it open may write to it."""

    def remove() -> None:
        if not _is_same(path, noted.get(str(path)), _mark(path)):
            raise OSError(errno.EBUSY, "it changed meanwhile", str(path))
        names.unlink(path, within_s=0, windows=windows)

    names.patiently(remove, windows=windows)


def _mark(path: Path) -> Mark:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _is_as_noted(source: Path, noted: Marks) -> bool:
    now = marks(source)
    return now.keys() == noted.keys() and all(_is_same(Path(path), noted[path], now[path]) for path in now)


def _is_same(path: Path, noted: Mark | None, now: Mark) -> bool:
    """Return whether a file is the noted one; another inode number counts where the file system has stable ones."""
    if noted is None or noted[:2] != now[:2]:
        return False
    if noted == now:
        return True
    system = volumes.file_system(path.parent)
    return system is None or not system.keeps_inodes
