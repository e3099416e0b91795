"""Files on their way into an archive, under names that recovery removes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.models.step import OnStep
from pywats_archive.portable import names, volumes

TEMPORARY_SUFFIX = ".part"
_FILE_MODE = 0o400
MEMORY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file's length, and its disk space."""

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
        self._descriptor: int | None = open_file(path, os.O_CREAT | os.O_EXCL)

    def reserve(self, header: bytes) -> None:
        """Begin the file with ``header``, which ``seal`` replaces."""
        self.write(header)

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MEMORY_BYTES:
            self._flush()

    def seal(self, header: bytes, *, is_reserved: bool) -> Sealed:
        """Put ``header`` in front, check the length, make the bytes durable and close; returns the sizes.

        ``is_reserved``: the file already begins with a header of this length, which is replaced. May be called again with
        another header of the same length.
        """
        if self._descriptor is None:
            self._descriptor, is_reserved = self._reopened(), True
        self.complete(header, is_reserved=is_reserved)
        self.sync()
        return self.close()

    def complete(self, header: bytes, *, is_reserved: bool) -> None:
        """Put ``header`` in front and check the length; the bytes are not durable yet."""
        if not is_reserved:
            self._waiting.insert(0, header)
        self._flush()
        if is_reserved:
            self._on_step("write")
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            write_all(self.descriptor, header)
        written = os.fstat(self.descriptor).st_size
        if written != self._length:
            raise OSError(errno.EIO, f"{written} bytes on disk of {self._length} written", self.path)

    def sync(self) -> None:
        """Make the bytes durable."""
        self._on_step("fsync")
        os.fsync(self.descriptor)

    def close(self) -> Sealed:
        """Close the file; returns its sizes."""
        status = os.fstat(self.descriptor)
        sealed = Sealed(size_bytes=status.st_size, allotted_bytes=volumes.allotted_bytes(status, self.path))
        os.close(self.descriptor)
        self._descriptor = None
        return sealed

    @property
    def length(self) -> int:
        """Number of bytes written."""
        return self._length

    @property
    def descriptor(self) -> int:
        """The descriptor of the open file."""
        assert self._descriptor is not None
        return self._descriptor

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
        self._on_step("write")
        self._length += write_all(self.descriptor, b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0

    def _reopened(self) -> int:
        os.chmod(self.path, 0o600)  # noqa: PTH101 (strings, see above)
        descriptor = open_file(self.path, 0)
        os.chmod(self.path, _FILE_MODE)  # noqa: PTH101
        return descriptor


class Unremoved:
    """The half-written files that could not be removed; tried again with the next file."""

    def __init__(self) -> None:
        self._paths: list[str] = []

    def discard(self, file: TemporaryFile) -> None:
        """Discard a file; the OSError of one that cannot be removed is raised."""
        try:
            file.discard()
        except OSError:
            self._paths.append(file.path)
            raise

    def retry(self) -> None:
        """Remove those that can be removed now."""
        while self._paths:
            path = self._paths[-1]
            try:
                remove(path, within_s=0)
            except OSError:
                return
            with suppress(ValueError):  # another thread removed it
                self._paths.remove(path)


def open_file(path: str, flags: int, *, mode: int = _FILE_MODE) -> int:
    """Open a file for reading and writing bytes; returns its descriptor."""
    return os.open(path, os.O_RDWR | flags | getattr(os, "O_BINARY", 0), mode)


def write_all(descriptor: int, data: bytes) -> int:
    """Write all of ``data``; returns its length."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return len(data)


def remove_temporary(folder: Path, *, report: Callable[[Path], None], deep: bool) -> None:
    """Remove half-written files beneath ``folder``, or only in it."""
    pattern = f".*{TEMPORARY_SUFFIX}"
    for path in sorted(folder.rglob(pattern) if deep else folder.glob(pattern)):
        report(path)
        remove(path)


def remove(path: Path | str, *, within_s: float = names.PATIENCE_S) -> None:
    """Remove a file, which may be read-only, or gone already; Windows may refuse that for ``within_s``."""
    names.unlink(path, missing_ok=True, within_s=within_s)
