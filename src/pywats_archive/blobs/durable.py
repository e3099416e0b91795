"""Files that survive a power cut: the only code that creates files in an archive.

A file is written under a temporary name in the folder it will live in, fsynced, given its name by a call
that fails when the name is taken, and its folder is fsynced. Every step passes ``on_step`` first.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive import portable
from pywats_archive.blobs.foldersync import FolderSync
from pywats_archive.models.step import OnStep, no_step

TEMPORARY_SUFFIX = ".part"
_FOLDER_MODE, _FILE_MODE = 0o700, 0o400
MEMORY_BYTES = 1 << 20
_MANY, _UNLINKING = 64, 4
"""From so many on, files are removed by four threads: ext4 takes less than half the time for it, in one folder too."""


class DurableFiles:
    """Creates files beneath ``root``; safe to use from many threads. Paths are plain strings: thousands go by.

    ``require_root`` is called before anything is made beside what is there already; it raises when the root is not what
    it was, such as the empty mount point of a disk that is gone.
    """

    def __init__(
        self, root: Path, *, on_step: OnStep = no_step, require_root: Callable[[], None] = lambda: None
    ) -> None:
        self.root = os.fspath(root)
        self._on_step = on_step
        self._require_root = require_root
        self._numbers = itertools.count()
        self._folders = FolderSync(on_step)
        self._known: set[str] = set()
        self._logs: set[str] = set()

    @contextmanager
    def temporary(self, folder: str) -> Iterator[TemporaryFile]:
        """Open a new file in ``folder`` (relative to the root); it is gone afterwards unless it was published."""
        whole = f"{self.root}/{folder}"
        path = f"{whole}/.{os.getpid()}-{next(self._numbers)}{TEMPORARY_SUFFIX}"
        file = self._opened(whole, path)
        try:
            yield file
        finally:
            file.discard()

    def _opened(self, folder: str, path: str) -> TemporaryFile:
        """Open a new file; its folder may have been removed since it was known, as it was empty."""
        self._ensure(folder)
        self._on_step("open")
        try:
            return TemporaryFile(path, self._on_step)
        except FileNotFoundError:
            self._known.discard(folder)
            self._ensure(folder)
            return TemporaryFile(path, self._on_step)

    def publish(self, file: TemporaryFile, target: str) -> Name:
        """Give a sealed file its name (relative to the root); FileExistsError when taken. ``settle`` makes it durable."""
        whole = f"{self.root}/{target}"
        folder = whole.rpartition("/")[0]
        self._ensure(folder)
        self._on_step("publish")
        portable.rename_exclusive(file.path, whole)
        file.is_published = True
        return Name(folder=folder, ticket=self._folders.ask(folder))

    def link(self, source: str, target: str) -> Name:
        """Give a file that has a name another one (both relative to the root); FileExistsError when that is taken.

        OSError where the file system has no such links, or no more of this one, or the file is gone.
        """
        whole = f"{self.root}/{target}"
        folder = whole.rpartition("/")[0]
        self._ensure(folder)
        self._on_step("publish")
        os.link(f"{self.root}/{source}", whole)
        return Name(folder=folder, ticket=self._folders.ask(folder))

    def settle(self, name: Name) -> None:
        """Make a name durable; one fsync serves all names that were given in the folder before."""
        self._folders.answer(name.folder, name.ticket)

    def append(self, name: str, line: bytes) -> None:
        """Append a line to a file beside the catalog, durably. What a crash left of another one stays a line of its own."""
        self._require_root()
        self._on_step("open")
        descriptor = _open(f"{self.root}/{name}", os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), mode=0o600)
        try:
            self._on_step("write")
            _write(descriptor, (b"\n" if _is_cut_off(descriptor) else b"") + line + b"\n")
            self._on_step("fsync")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if name not in self._logs:
            self._on_step("fsync_folder")
            portable.sync_folder(self.root)
            self._logs.add(name)

    def allocate(self, name: str, size_bytes: int) -> None:
        """Make or complete a file that only takes room; OSError leaves none. Not durable: a power cut may take it."""
        self._require_root()
        path = f"{self.root}/{name}"
        self._on_step("open")
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o600)
        try:
            self._on_step("allocate")
            portable.allocate(descriptor, size_bytes)
        except OSError:
            remove(path)
            raise
        finally:
            os.close(descriptor)

    def free(self, name: str) -> None:
        """Remove such a file, or one that lines were appended to; idempotent."""
        self._logs.discard(name)
        remove(f"{self.root}/{name}")

    def remove_all(self, names: Sequence[str]) -> dict[str, OSError]:
        """Remove files (relative to the root), and make that durable; idempotent. Return those that cannot be, and why."""
        if len(names) < _MANY:
            failures = self._remove_each(names)
        else:
            with ThreadPoolExecutor(_UNLINKING) as pool:
                each = pool.map(self._remove_each, (names[n::_UNLINKING] for n in range(_UNLINKING)))
                failures = {name: error for part in each for name, error in part.items()}
        for folder in sorted({f"{self.root}/{name}".rpartition("/")[0] for name in names}):
            with suppress(FileNotFoundError):
                self._on_step("fsync_folder")
                portable.sync_folder(folder)
        return failures

    def _remove_each(self, names: Sequence[str]) -> dict[str, OSError]:
        failures = {}
        for name in names:
            try:
                self._on_step("unlink")
                remove(f"{self.root}/{name}")
            except OSError as exc:
                failures[name] = exc
        return failures

    def remove_empty(self, folder: str) -> None:
        """Remove a folder (relative to the root) and those above it, up to the root, as far as nothing lies in them.

        Who writes into one at that moment makes it again.
        """
        path = Path(self.root, folder)
        while path != Path(self.root):
            self._on_step("rmdir")
            self._known.discard(os.fspath(path))
            path.rmdir()
            path = path.parent

    def _ensure(self, folder: str) -> None:
        if folder in self._known:
            return
        self._require_root()
        chain = (Path(folder), *Path(folder).parents)
        for each in reversed([f for f in chain if f.is_relative_to(self.root) and not f.exists()]):
            self._on_step("mkdir")
            with suppress(FileExistsError):
                each.mkdir(mode=_FOLDER_MODE, parents=each == Path(self.root))
            above = os.fspath(each.parent)
            self._folders.answer(above, self._folders.ask(above))
        self._refuse_links(folder)
        self._known.add(folder)

    def _refuse_links(self, folder: str) -> None:
        """Raise OSError where a folder of the archive is a link: what is written there would lie elsewhere."""
        whole = self.root
        for part in Path(folder).relative_to(self.root).parts:
            whole = f"{whole}/{part}"
            if portable.is_link(whole):
                raise OSError(errno.ELOOP, "is a link to another place; mount the disk here instead", whole)


@dataclass(frozen=True, slots=True)
class Name:
    """A name given in a folder, and its turn to be made durable."""

    folder: str
    ticket: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """How long a file is, and what the file system allots for it."""

    size_bytes: int
    allotted_bytes: int


class TemporaryFile:
    """A file on its way into the archive; up to a megabyte of it waits in memory."""

    def __init__(self, path: str, on_step: OnStep) -> None:
        self.path = path
        self.is_published = False
        self._on_step = on_step
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._length = 0
        self._descriptor: int | None = _open(path, os.O_CREAT | os.O_EXCL)

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MEMORY_BYTES:
            self._flush()

    def seal(self, header: bytes, *, is_reserved: bool) -> Sealed:
        """Put ``header`` in front, check the length, make the bytes durable, close; gives the sizes.

        ``is_reserved``: the file begins with a header of this length already, which is replaced. Can be called again with
        another header of the same length.
        """
        if self._descriptor is None:
            self._descriptor, is_reserved = self._reopened(), True
        if not is_reserved:
            self._waiting.insert(0, header)
        self._flush()
        if is_reserved:
            self._on_step("write")
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            _write(self._descriptor, header)
        written = os.fstat(self._descriptor).st_size
        if written != self._length:
            raise OSError(errno.EIO, f"{written} bytes on disk of {self._length} written", self.path)
        self._on_step("fsync")
        os.fsync(self._descriptor)
        allotted = portable.allotted_bytes(os.fstat(self._descriptor))
        os.close(self._descriptor)
        self._descriptor = None
        return Sealed(size_bytes=written, allotted_bytes=allotted)

    def discard(self) -> None:
        """Close and remove the file, unless it was published."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        if not self.is_published:
            remove(self.path)

    def _flush(self) -> None:
        if not self._waiting:
            return
        assert self._descriptor is not None
        self._on_step("write")
        self._length += _write(self._descriptor, b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0

    def _reopened(self) -> int:
        os.chmod(self.path, 0o600)  # noqa: PTH101 (strings, see above)
        descriptor = _open(self.path, 0)
        os.chmod(self.path, _FILE_MODE)  # noqa: PTH101
        return descriptor


def _open(path: str, flags: int, *, mode: int = _FILE_MODE) -> int:
    return os.open(path, os.O_RDWR | flags | getattr(os, "O_BINARY", 0), mode)


def _is_cut_off(descriptor: int) -> bool:
    """Whether a file that is open ends within a line."""
    if os.lseek(descriptor, 0, os.SEEK_END) == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"


def _write(descriptor: int, data: bytes) -> int:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return len(data)


def remove_temporary(folder: Path, *, report: Callable[[Path], None], deep: bool) -> None:
    """Remove what a crash left half-written beneath ``folder``, or only in it."""
    pattern = f".*{TEMPORARY_SUFFIX}"
    for path in sorted(folder.rglob(pattern) if deep else folder.glob(pattern)):
        report(path)
        remove(path)


def remove(path: Path | str) -> None:
    """Remove a file that may be gone already, and may be read-only (which Windows minds)."""
    with suppress(FileNotFoundError):
        if portable.WINDOWS:
            os.chmod(path, 0o600)  # noqa: PTH101
        os.unlink(path)  # noqa: PTH108
