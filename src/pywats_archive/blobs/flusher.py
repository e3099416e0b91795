"""Making the bytes of several files durable together: one call for the whole file system, or fsyncs side by side.

Linux' ``syncfs`` makes everything on a file system durable with one flush of the disk, where each fsync needs its own. It is
used where it reports that bytes could not be written (Linux 5.17, with ext4, XFS and Btrfs), and not while it is slow:
another program's unwritten files are written by it, too.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Protocol

from pywats_archive.blobs.temporary import TemporaryFile
from pywats_archive.models.step import OnStep
from pywats_archive.portable.volumes import FileSystem, file_system

_REPORTING = {"ext4", "xfs", "btrfs"}
_SINCE = (5, 17)
"""The first Linux whose syncfs returns every error: that of a file since 5.8 (syncfs(2)), that of the file system's own log
since 5.17."""
_WRITE = 2
"""SYNC_FILE_RANGE_WRITE of sync_file_range(2): begin to write, and do not wait."""
_THREADS = 8
_SLOW_S, _SLOW_FILE_S = 0.2, 0.02
"""A call that takes longer than both is slow; an fsync takes 0.02 s on a disk that turns."""
_PAUSE_S = 60.0
"""For how long fsyncs are used after a slow or failed call."""


class Volume(Protocol):
    """A file system whose unwritten bytes can be made durable all together."""

    def write_out(self, descriptor: int) -> None:
        """Begin to write an open file to the disk; does not wait, and reports nothing."""

    def sync(self, descriptor: int) -> None:
        """Make durable all that was written to the file system of an open folder.

        OSError if a file of it could not be written since the folder was opened.
        """


class LinuxVolume:
    """The calls of Linux' C library."""

    def __init__(self, library: Any) -> None:
        library.syncfs.argtypes = (ctypes.c_int,)
        library.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
        self._library = library

    def write_out(self, descriptor: int) -> None:
        self._library.sync_file_range(descriptor, 0, 0, _WRITE)

    def sync(self, descriptor: int) -> None:
        if self._library.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def volume_of(
    root: str,
    *,
    system: str = sys.platform,
    release: Callable[[], str] = platform.release,
    find: Callable[[str], FileSystem | None] = file_system,
) -> Volume | None:
    """Return the file system of a folder if it can be made durable as a whole, and reports errors of that."""
    if system != "linux":
        return None
    version = re.match(r"(\d+)\.(\d+)", release())
    if version is None or (int(version[1]), int(version[2])) < _SINCE:
        return None
    found = find(root)
    if found is None or found.kind not in _REPORTING:
        return None
    try:
        return LinuxVolume(ctypes.CDLL(None, use_errno=True))
    except (AttributeError, OSError):  # a C library without these calls
        return None


class Flusher:
    """Makes files beneath ``root`` durable together; safe to use from many threads."""

    def __init__(self, root: str, on_step: OnStep, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._on_step = on_step
        self._clock = clock
        self._paused_until_s = float("-inf")

    @cached_property
    def volume(self) -> Volume | None:
        """The file system, if it can be made durable as a whole."""
        return volume_of(self._root)

    @contextmanager
    def opened(self) -> Iterator[Flush]:
        """Yield a flush of files that are written inside the block: errors count from here on."""
        descriptor = self._opened_root()
        try:
            yield Flush(self, descriptor)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _opened_root(self) -> int | None:
        """Return a descriptor of the folder; None if fsyncs are used, or if it is away: each file meets that error itself."""
        if self.volume is None or self._clock() < self._paused_until_s:
            return None
        try:
            return os.open(self._root, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        except OSError:
            return None

    def sync_all(self, files: Sequence[TemporaryFile], folder: int) -> bool:
        """Make files durable with their file system, of which ``folder`` is open; False if that failed.

        False, too, if one of them is on another file system, which the call does not reach: a disk may be mounted below.
        """
        assert self.volume
        device = os.fstat(folder).st_dev
        if any(os.fstat(file.descriptor).st_dev != device for file in files):
            return False
        began_s = self._clock()
        try:
            for file in files:
                self.volume.write_out(file.descriptor)
            self._on_step("syncfs")
            self.volume.sync(folder)
        except OSError:
            self._paused_until_s = self._clock() + _PAUSE_S
            return False
        ended_s = self._clock()
        if ended_s - began_s > max(_SLOW_S, _SLOW_FILE_S * len(files)):
            self._paused_until_s = ended_s + _PAUSE_S
        return True


class Flush:
    """One flush of several files."""

    def __init__(self, flusher: Flusher, folder: int | None) -> None:
        self._flusher = flusher
        self._folder = folder

    def __call__(self, files: Sequence[TemporaryFile]) -> list[OSError | None]:
        """Make written files durable; returns for each None, or why it is not.

        If the file system as a whole cannot, the fsync of each file says which of them failed.
        """
        if files and self._folder is not None and self._flusher.sync_all(files, self._folder):
            return [None] * len(files)
        if len(files) < 2:
            return [_synced(file) for file in files]
        with ThreadPoolExecutor(min(_THREADS, len(files))) as pool:
            return list(pool.map(_synced, files))


def _synced(file: TemporaryFile) -> OSError | None:
    try:
        file.sync()
    except OSError as exc:
        return exc
    return None
