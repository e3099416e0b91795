"""What a power cut takes: bytes that were not fsynced, names whose folder was not. Harsher than any one file system."""

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
        self._names: dict[tuple[int, int], set[str]] = {}

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

    def cut(self) -> None:
        """Take away what was not durable."""
        for parent, folders, names in os.walk(self._folder):
            kept = self._names.get(_identity(Path(parent).stat()), set())
            for name in (*folders, *names):
                if name not in kept and name not in _SQLITE:
                    _remove(Path(parent, name))
            for name in set(names) & kept - set(_SQLITE):
                self._empty(Path(parent, name))
            folders[:] = [name for name in folders if name in kept]

    def _note_folder(self, status: os.stat_result, folder: str | int) -> None:
        self._names[_identity(status)] = set(os.listdir(folder))  # noqa: PTH208 (of a descriptor, too)

    def _empty(self, path: Path) -> None:
        if _identity(path.lstat()) not in self._durable:
            path.chmod(0o600)
            os.truncate(path, 0)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
