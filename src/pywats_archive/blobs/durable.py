"""Files that survive a power cut; nothing else creates files in an archive.

A file is written under a temporary name in its final folder and fsynced. It gets its name by a call that fails if the name
is taken; then its folder is fsynced. Every step calls ``on_step`` first.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.blobs.folders import Folders
from pywats_archive.blobs.temporary import TEMPORARY_SUFFIX, TemporaryFile, Unremoved, open_file, remove, write_all
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.portable import files, names

NewFile = Callable[[str, OnStep], TemporaryFile]
_MANY, _UNLINKING = 64, 4
"""From this number of files on, four threads remove them: on ext4 in less than half the time, even in one folder."""


class DurableFiles:
    """Creates files beneath ``root``; safe to use from many threads. Paths are plain strings: there are thousands.

    ``require_root`` is called before anything new is created. It raises if the root is no longer what it was, such as the
    empty mount point of a lost disk.
    """

    def __init__(
        self,
        root: Path,
        *,
        on_step: OnStep = no_step,
        require_root: Callable[[], None] = lambda: None,
        new_file: NewFile = TemporaryFile,
    ) -> None:
        self.root = os.fspath(root)
        self._on_step = on_step
        self._new_file = new_file
        self._require_root = require_root
        self._numbers = itertools.count()
        self._folders = Folders(self.root, on_step=on_step, require_root=require_root)
        self._logs: set[str] = set()
        self._unremoved = Unremoved()

    @contextmanager
    def temporary(self, folder: str) -> Iterator[TemporaryFile]:
        """Open a new file in ``folder`` (relative to the root); it is removed afterwards unless it was published."""
        self._unremoved.retry()
        whole = f"{self.root}/{folder}"
        path = f"{whole}/.{os.getpid()}-{next(self._numbers)}{TEMPORARY_SUFFIX}"
        file = self._opened(whole, path)
        try:
            yield file
        finally:
            self._unremoved.discard(file)

    @contextmanager
    def scratch(self, folder: str) -> Iterator[Path]:
        """Create an empty file in ``folder`` that SQLite may write to; it is removed afterwards."""
        whole = f"{self.root}/{folder}"
        path = f"{whole}/.{os.getpid()}-{next(self._numbers)}{TEMPORARY_SUFFIX}"
        self._folders.ensure_again(whole)
        self._on_step("open")
        os.close(open_file(path, os.O_CREAT | os.O_EXCL, mode=0o600))
        try:
            yield Path(path)
        finally:
            remove(path)

    def _opened(self, folder: str, path: str) -> TemporaryFile:
        """Open a new file; its folder may have been removed meanwhile because it was empty."""
        self._folders.ensure(folder)
        self._on_step("open")
        try:
            return self._new_file(path, self._on_step)
        except FileNotFoundError:
            self._folders.ensure_again(folder)
            return self._new_file(path, self._on_step)

    def publish(self, file: TemporaryFile, target: str) -> Name:
        """Give a sealed file its name (relative to the root); FileExistsError if taken. ``sync_name`` makes it durable."""
        whole = f"{self.root}/{target}"
        folder = whole.rpartition("/")[0]
        self._folders.ensure(folder)
        self._on_step("publish")
        files.rename_exclusive(file.path, whole)
        file.is_published = True
        return Name(folder=folder, ticket=self._folders.sync.ask(folder))

    def link(self, source: str, target: str) -> Name:
        """Give a file one more name (both relative to the root); FileExistsError if that is taken.

        OSError if the file system has no hard links, or no further ones of this file, or the file is gone.
        """
        whole = f"{self.root}/{target}"
        folder = whole.rpartition("/")[0]
        self._folders.ensure(folder)
        self._on_step("publish")
        os.link(f"{self.root}/{source}", whole)
        return Name(folder=folder, ticket=self._folders.sync.ask(folder))

    def sync_name(self, name: Name) -> None:
        """Make a name durable; one fsync serves all names that were given in the folder before."""
        self._folders.sync.answer(name.folder, name.ticket)

    def append(self, name: str, line: bytes) -> None:
        """Append a line to a file beside the catalog, durably; an incomplete line from a crash stays a line of its own."""
        self._require_root()
        self._on_step("open")
        descriptor = open_file(
            f"{self.root}/{name}", os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), mode=0o600
        )
        try:
            self._on_step("write")
            write_all(descriptor, (b"\n" if _is_cut_off(descriptor) else b"") + line + b"\n")
            self._on_step("fsync")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if name not in self._logs:
            self._on_step("fsync_folder")
            files.sync_folder(self.root)
            self._logs.add(name)

    def allocate(self, name: str, size_bytes: int) -> None:
        """Create or complete a file that only reserves space; an OSError leaves none. Not durable."""
        self._require_root()
        path = f"{self.root}/{name}"
        self._on_step("open")
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o600)
        try:
            self._on_step("allocate")
            files.allocate(descriptor, size_bytes)
        except OSError:
            remove(path)
            raise
        finally:
            os.close(descriptor)

    def free(self, name: str) -> None:
        """Remove such a file, or a file with appended lines; idempotent."""
        self._logs.discard(name)
        remove(f"{self.root}/{name}")

    def remove_all(self, names: Sequence[str]) -> dict[str, OSError]:
        """Remove files (relative to the root) durably; idempotent. Returns those that cannot be removed, and why."""
        if len(names) < _MANY:
            failures = self._remove_each(names)
        else:
            with ThreadPoolExecutor(_UNLINKING) as pool:
                each = pool.map(self._remove_each, (names[n::_UNLINKING] for n in range(_UNLINKING)))
                failures = {name: error for part in each for name, error in part.items()}
        failures = self._remove_again(failures)
        for folder in sorted({f"{self.root}/{name}".rpartition("/")[0] for name in names}):
            with suppress(FileNotFoundError):
                self._on_step("fsync_folder")
                files.sync_folder(folder)
        return failures

    def _remove_each(self, names: Sequence[str]) -> dict[str, OSError]:
        failures = {}
        for name in names:
            try:
                self._on_step("unlink")
                remove(f"{self.root}/{name}", within_s=0)
            except OSError as exc:
                failures[name] = exc
        return failures

    def _remove_again(self, failures: Mapping[str, OSError]) -> dict[str, OSError]:
        """Try again to remove what Windows refused; all of it together for a second. Returns what still fails."""
        until_s = time.monotonic() + names.PATIENCE_S
        failed = {}
        for name, failure in failures.items():
            failed[name] = failure
            if names.is_refusal(failure):
                try:
                    remove(f"{self.root}/{name}", within_s=max(0.0, until_s - time.monotonic()))
                    del failed[name]
                except OSError as exc:
                    failed[name] = exc
        return failed

    def remove_empty(self, folder: str) -> None:
        """Remove a folder (relative to the root) and its parents, up to the root, as long as they are empty.

        A concurrent writer creates the folder again.
        """
        path = Path(self.root, folder)
        while path != Path(self.root):
            self._on_step("rmdir")
            self._folders.forget(os.fspath(path))
            names.rmdir(path)
            path = path.parent


@dataclass(frozen=True, slots=True)
class Name:
    """A name given in a folder, and its turn to be made durable."""

    folder: str
    ticket: int


def replace_lines(files_of_archive: DurableFiles, name: str, lines: Iterable[bytes]) -> None:
    """Replace a file with appended lines, durably."""
    whole = Path(files_of_archive.root, name)
    with files_of_archive.scratch(".") as path:
        with path.open("r+b") as stream:
            stream.writelines(line + b"\n" for line in lines)
            stream.flush()
            os.fsync(stream.fileno())
        names.replace(path, whole)
    files.sync_folder(whole.parent)


def _is_cut_off(descriptor: int) -> bool:
    """Whether an open file ends within a line."""
    if os.lseek(descriptor, 0, os.SEEK_END) == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"
