"""What a power cut takes: bytes that were not fsynced, names whose folder was not. Harsher than any one file system.

A rename within a folder is undone whole.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

_SQLITE = ("metadata.db", "metadata.db-wal", "metadata.db-shm", ".lock")
"""SQLite makes its own fsyncs, unseen from here; it is taken at its word."""


class Power:
    """Keeps account of what is durable beneath a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._durable: set[tuple[int, int]] = set()
        self._names: dict[tuple[int, int], dict[str, tuple[int, int]]] = {}

    def begin(self) -> None:
        """Count everything that is there as durable."""
        for parent, _, _ in os.walk(self._folder):
            self._note_folder(Path(parent).stat(), parent)
        self.synced_all()

    def synced(self, descriptor: int) -> None:
        """Note an fsync of a file or folder."""
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self._note_folder(status, descriptor)
        else:
            self._durable.add(_identity(status))

    def synced_all(self) -> None:
        """Note that the bytes of all files that are there now are durable."""
        for parent, _, names in os.walk(self._folder):
            self._durable |= {_identity(Path(parent, name).lstat()) for name in names}

    def account(self) -> tuple[object, ...]:
        """Return what is durable now, as a value of its own."""
        return self._durable.copy(), self._names.copy()

    def cut(self) -> None:
        """Take away what was not durable."""
        for parent, folders, names in os.walk(self._folder):
            kept = self._names.get(_identity(Path(parent).stat()), {})
            for name in (*folders, *names):
                if name not in kept and name not in _SQLITE:
                    _undo(Path(parent, name), kept)
            there = {name: Path(parent, name) for name in os.listdir(parent) if name in kept}  # noqa: PTH208 (names alone)
            for path in (path for name, path in there.items() if name not in _SQLITE and not path.is_dir()):
                self._empty(path)
            folders[:] = [name for name, path in there.items() if path.is_dir() and not path.is_symlink()]

    def _note_folder(self, status: os.stat_result, folder: str | int) -> None:
        with os.scandir(folder) as items:
            self._names[_identity(status)] = {item.name: _identity(item.stat(follow_symlinks=False)) for item in items}

    def _empty(self, path: Path) -> None:
        if _identity(path.lstat()) not in self._durable:
            path.chmod(0o600)
            os.truncate(path, 0)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _undo(path: Path, kept: dict[str, tuple[int, int]]) -> None:
    """Take away a new name; a file that had another one in its folder has that again, since a rename there is atomic."""
    before = next((name for name, file in kept.items() if file == _identity(path.lstat())), None)
    if before is None or os.path.lexists(path.parent / before):
        _remove(path)
    else:
        path.rename(path.parent / before)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
