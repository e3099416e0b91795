"""The priority of this process, the locks of others, and this command in a process of its own."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows.kernel32 import kernel32

_NICE, _BELOW_NORMAL, _THREAD_BELOW_NORMAL = 15, 0x4000, -1
"""The low priority: of nice(1), BELOW_NORMAL_PRIORITY_CLASS of SetPriorityClass, and of SetThreadPriority."""


def lower_priority(*, windows: bool = WINDOWS, kernel: Callable[[], Any] = kernel32) -> None:
    """Run this process, and those it starts from now on, at low priority."""
    if windows:
        opened = kernel()
        opened.SetPriorityClass(opened.GetCurrentProcess(), _BELOW_NORMAL)
        return
    with suppress(OSError):
        os.nice(_NICE)


def lower_thread_priority(*, windows: bool = WINDOWS, kernel: Callable[[], Any] = kernel32) -> None:
    """Run this thread at low priority, where the system has priorities of threads."""
    if windows:
        opened = kernel()
        opened.SetThreadPriority(opened.GetCurrentThread(), _THREAD_BELOW_NORMAL)
    elif sys.platform == "linux":  # elsewhere the whole process would get it
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def start_own_command(
    words: Sequence[str], *, folder: Path, stdin: int, stdout: int, stderr: int | IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start this command in a folder, as a process that outlives this one and its Ctrl-C; OSError if that fails.

    Python looks for modules in the current folder first: the station's own folder, not where this process was started.
    """
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return subprocess.Popen(  # noqa: S603 (words of ours)
        [sys.executable, "-m", "pywats_archive", *words],
        cwd=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=not WINDOWS,
        creationflags=flags,
    )


def is_locked(path: Path | str, *, windows: bool = WINDOWS) -> bool:
    """Return whether another process has a lock (flock) on a file that this one may only read; False if unknown."""
    if windows:
        return False
    import fcntl  # noqa: PLC0415 (there is none on Windows)

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as exc:
        return exc.errno in (errno.EAGAIN, errno.EACCES)
    finally:
        os.close(descriptor)
    return False
