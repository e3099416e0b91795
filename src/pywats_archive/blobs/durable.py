"""Files that survive a power cut: the only code that creates files in an archive.

A file is written under a temporary name in the folder it will live in, fsynced, given its name by a call
that fails when the name is taken, and its folder is fsynced. Every step passes ``on_step`` first.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pywats_archive import portable
from pywats_archive.models.step import OnStep, no_step

TEMPORARY_SUFFIX = ".part"
_FOLDER_MODE, _FILE_MODE = 0o700, 0o400
_BUFFER_BYTES = 1 << 20


class DurableFiles:
    """Creates files beneath ``root``; safe to use from many threads."""

    def __init__(self, root: Path, *, on_step: OnStep = no_step) -> None:
        self.root = root
        self._on_step = on_step
        self._numbers = itertools.count()
        self._folders = _FolderSync(on_step)
        self._known: set[Path] = set()

    @property
    def names_are_durable(self) -> bool:
        """Tell whether folders could be fsynced so far; False on shares that cannot."""
        return self._folders.supported

    @contextmanager
    def temporary(self, folder: Path) -> Iterator[TemporaryFile]:
        """Open a new file in ``folder``; it is gone afterwards unless it was published."""
        self._ensure(folder)
        path = folder / f".{os.getpid()}-{next(self._numbers)}{TEMPORARY_SUFFIX}"
        self._on_step("open")
        file = TemporaryFile(path, os.O_CREAT | os.O_EXCL, self._on_step)
        try:
            yield file
        finally:
            file.discard()

    def publish(self, file: TemporaryFile, target: Path) -> None:
        """Give a sealed file its name; FileExistsError when taken. Durable once this returns."""
        self._ensure(target.parent)
        self._on_step("publish")
        portable.rename_exclusive(file.path, target)
        self._folders.sync(target.parent)

    def _ensure(self, folder: Path) -> None:
        if folder in self._known:
            return
        missing = [f for f in (folder, *folder.parents) if f.is_relative_to(self.root) and not f.exists()]
        for each in reversed(missing):
            self._on_step("mkdir")
            with suppress(FileExistsError):
                each.mkdir(mode=_FOLDER_MODE, parents=each == self.root)
            self._folders.sync(each.parent)
        self._known.add(folder)


class TemporaryFile:
    """A file on its way into the archive."""

    def __init__(self, path: Path, flags: int, on_step: OnStep) -> None:
        self.path = path
        self._on_step = on_step
        self._stream = _open(path, flags)

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self._on_step("write")
        self._stream.write(data)

    def seal(self, header: bytes) -> int:
        """Write ``header`` over the beginning, check the length, make the bytes durable, close; gives their number.

        Can be called again with another header of the same length.
        """
        stream = self._reopened() if self._stream.closed else self._stream
        length = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        self._on_step("write")
        stream.write(header)
        stream.flush()
        written = os.fstat(stream.fileno()).st_size
        if written != length:
            raise OSError(f"{self.path}: {written} bytes on disk of {length} written")
        self._on_step("fsync")
        os.fsync(stream.fileno())
        stream.close()
        return length

    def discard(self) -> None:
        """Close and remove the file, if it still has its temporary name."""
        with suppress(OSError):
            self._stream.close()
        _remove(self.path)

    def _reopened(self) -> BinaryIO:
        self.path.chmod(0o600)
        self._stream = _open(self.path, 0)
        self.path.chmod(_FILE_MODE)
        return self._stream


def _open(path: Path, flags: int) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | flags | getattr(os, "O_BINARY", 0), _FILE_MODE)
    return os.fdopen(descriptor, "r+b", buffering=_BUFFER_BYTES)


class _FolderSync:
    """Folder fsyncs shared: those who ask while one is under way are answered by the next one together."""

    def __init__(self, on_step: OnStep) -> None:
        self.supported = True
        self._on_step = on_step
        self._mutex = threading.Lock()
        self._turns: dict[Path, _Turn] = {}

    def sync(self, folder: Path) -> None:
        with self._mutex:
            turn = self._turns.setdefault(folder, _Turn())
            turn.asked += 1
            mine = turn.asked
        with turn.lock:
            if turn.answered >= mine:
                return
            with self._mutex:
                covers = turn.asked
            self._on_step("fsync_folder")
            self.supported = portable.sync_folder(folder) and self.supported
            turn.answered = covers


class _Turn:
    __slots__ = ("answered", "asked", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = 0
        self.answered = 0


def remove_temporary(folder: Path, *, report: Callable[[Path], None]) -> None:
    """Remove what a crash left half-written beneath ``folder``."""
    for path in sorted(folder.rglob(f".*{TEMPORARY_SUFFIX}")):
        report(path)
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a file that may be gone already, and may be read-only (which Windows minds)."""
    with suppress(FileNotFoundError):
        if portable.WINDOWS:
            path.chmod(0o600)
        path.unlink()
