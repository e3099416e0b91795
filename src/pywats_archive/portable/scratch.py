"""Private folders for plain bytes: removed after use, or after a kill by the next process that creates one."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pywats_archive.portable import names

_PREFIX, _LOCK = "pywats-archive-", ".scratch.lock"
"""Each folder contains a lock, which its process holds until it ends. No archive, which may be there too, has such a file."""


class Scratch:
    """A folder of this process alone (0700) in the temporary folder; safe to use from many threads.

    It is created at its first use. Creating the first ``Scratch`` removes the folders of processes that were killed.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._base: Path | None = None
        remove_abandoned()

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Create an empty folder for the duration of the block."""
        made = self.make()
        try:
            yield made
        finally:
            names.remove_tree(made, ignore_errors=True)

    def make(self) -> Path:
        """Create an empty folder, which stays until ``close``.

        The system may have cleaned the temporary folder since the last one was made.
        """
        with self._mutex:
            if self._base is None or not self._base.is_dir():
                self._base, lock = _made()
                self._finalizer = weakref.finalize(self, _remove, self._base, lock)
            return Path(tempfile.mkdtemp(dir=self._base))

    def close(self) -> None:
        """Remove it with all it holds; idempotent. Without this call it is removed when the process ends."""
        with self._mutex:
            if self._base is not None:
                self._finalizer()
                self._base = None


def remove_abandoned() -> None:
    """Remove the folders of this account's processes that have ended."""
    with suppress(OSError):
        for entry in list(os.scandir(tempfile.gettempdir())):
            if entry.name.startswith(_PREFIX):
                with suppress(OSError):
                    _remove_if_abandoned(entry)


def _remove_if_abandoned(entry: os.DirEntry[str]) -> None:
    lock = Path(entry.path, _LOCK)
    if entry.is_symlink() or not entry.is_dir() or not _is_mine(entry) or not lock.is_file() or lock.is_symlink():
        return
    file_lock = FileLock(lock, is_singleton=False)
    try:
        file_lock.acquire(timeout=0)
    except Timeout:
        return
    _remove(Path(entry.path), file_lock)


def _is_mine(entry: os.DirEntry[str]) -> bool:
    """Return whether it belongs to this account; on Windows the temporary folder does."""
    if not hasattr(os, "geteuid"):
        return True
    return entry.stat(follow_symlinks=False).st_uid == os.geteuid()


def _made() -> tuple[Path, FileLock]:
    """Create a folder and lock it; try again if another process removed it as abandoned."""
    while True:
        base = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = FileLock(base / _LOCK, thread_local=False, is_singleton=False)
        try:
            lock.acquire(timeout=0)
        except (Timeout, FileNotFoundError):
            continue
        if (base / _LOCK).exists():
            return base, lock
        lock.release()


def _remove(base: Path, lock: FileLock) -> None:
    """Remove the content first and the lock last, so that the next process can finish after a kill."""
    with suppress(OSError):
        for entry in list(os.scandir(base)):
            if entry.name != _LOCK:
                _remove_tree(entry)
    lock.release()
    names.remove_tree(base, ignore_errors=True)


def _remove_tree(entry: os.DirEntry[str]) -> None:
    if entry.is_dir(follow_symlinks=False):
        names.remove_tree(entry.path, ignore_errors=True)
    else:
        with suppress(OSError):
            names.unlink(entry.path)
