"""Whether another program has a file open for writing, as far as the operating system says."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows.kernel32 import kernel32, last_error

_READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LEAST_AGE_S = 1.0
_SHARE_OF_TIME = 20
"""A list of open files is reused for this many times as long as it took to make: it takes at most 5 % of the time."""


_CAP_LEASE = 28
_GENERIC_READ, _SHARE_READ_AND_DELETE, _OPEN_EXISTING = 0x8000_0000, 0x1 | 0x4, 3
_INVALID_HANDLE = 2 ** (8 * ctypes.sizeof(ctypes.c_void_p)) - 1
_SHARING_VIOLATION = 32


def lease(path: Path) -> bool | None:
    """Ask Linux by a read lease: True when a program has the file open for writing, None when no lease can tell.

    A lease is granted to the file's owner and to root (CAP_LEASE), on local file systems. It is given back at once. A program
    that opens the file for writing in these microseconds waits for that long, and the signal that reports this is one that
    does nothing: SIGIO, the usual one, would end the process. (fcntl(2), "Leases")
    """
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415 (POSIX alone)
    import signal  # noqa: PLC0415

    try:
        descriptor = os.open(path, _READ_ONLY)
    except OSError:
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as exc:
        return True if exc.errno == errno.EAGAIN else None
    finally:
        os.close(descriptor)
    return False


def may_ask_for_all(status: Path = Path("/proc/self/status")) -> bool:
    """Whether leases may be asked for on the files of all accounts: for that, Linux wants CAP_LEASE (capabilities(7))."""
    try:
        text = status.read_text()
    except OSError:
        return False
    effective = next((line.split()[1] for line in text.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _CAP_LEASE & 1)


def sharing(
    path: Path, *, open_kernel: Callable[[], Any] = kernel32, error: Callable[[], int] = last_error
) -> bool | None:
    """Ask Windows by a sharing mode: True when a program has the file open for writing, or shares it with nobody.

    The file is opened for reading in a way that is refused while anybody has it open for writing, and closed at once. Only
    ERROR_SHARING_VIOLATION shows another program: a read-only file has no writer. (Win32, "Creating and Opening Files")
    """
    kernel = open_kernel()
    handle = kernel.CreateFileW(str(path), _GENERIC_READ, _SHARE_READ_AND_DELETE, None, _OPEN_EXISTING, 0, None)
    if handle in (None, _INVALID_HANDLE):
        return True if error() == _SHARING_VIOLATION else None
    kernel.CloseHandle(handle)
    return False


class ProcessTable:
    """The files that programs have open for writing, by ``/proc``; of other accounts' programs only root sees them."""

    def __init__(self, root: Path = Path("/proc"), *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._now_s = now_s
        self._files: frozenset[tuple[int, int]] = frozenset()
        self._good_until_s = float("-inf")
        self._mutex = threading.Lock()

    def has(self, path: Path) -> bool:
        """Whether a program whose files may be seen has this one open for writing; the answer may be a second old."""
        try:
            status = path.lstat()
        except OSError:
            return False
        with self._mutex:
            began_s = self._now_s()
            if began_s >= self._good_until_s:
                self._files = frozenset(self._written())
                took_s = self._now_s() - began_s
                self._good_until_s = began_s + took_s + max(_LEAST_AGE_S, _SHARE_OF_TIME * took_s)
            return (status.st_dev, status.st_ino) in self._files

    def _written(self) -> Iterator[tuple[int, int]]:
        """The mode of a link in ``/proc/PID/fd`` has the owner's write bit when the file is open for writing (proc(5))."""
        own = str(os.getpid())
        for process in self._names(os.fspath(self._root)):
            if not process.isdigit() or process == own:
                continue
            folder = f"{self._root}/{process}/fd"
            for name in self._names(folder):
                with suppress(OSError):
                    path = f"{folder}/{name}"
                    if os.lstat(path).st_mode & stat.S_IWUSR:
                        status = os.stat(path)  # noqa: PTH116 (strings: there are thousands)
                        if stat.S_ISREG(status.st_mode):
                            yield status.st_dev, status.st_ino

    @staticmethod
    def _names(folder: str) -> list[str]:
        with suppress(OSError):
            return os.listdir(folder)  # noqa: PTH208 (names alone, by the thousand)
        return []


_PROCESSES = ProcessTable()


def has_writer(
    path: Path,
    *,
    is_remote: bool = False,
    windows: bool = WINDOWS,
    ask_windows: Callable[[Path], bool | None] = sharing,
    ask_lease: Callable[[Path], bool | None] = lease,
    processes: ProcessTable = _PROCESSES,
) -> bool | None:
    """Whether another program has a file open for writing; None when the system cannot tell, which is no proof of either.

    On a share nobody knows what other computers have open, and a lease is refused there for reasons of its own.
    """
    if windows:
        return ask_windows(path)
    answer = None if is_remote else ask_lease(path)
    if answer is None and processes.has(path):
        return True
    return answer
