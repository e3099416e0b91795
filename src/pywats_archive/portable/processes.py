"""The priority of this process, and the locks of others."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows.kernel32 import kernel32

_NICE, _BELOW_NORMAL = 15, 0x4000
"""The low priority: of nice(1), and BELOW_NORMAL_PRIORITY_CLASS of SetPriorityClass."""


def lower_priority(*, windows: bool = WINDOWS, kernel: Callable[[], Any] = kernel32) -> None:
    """Run this process, and those it starts from now on, at low priority."""
    if windows:
        opened = kernel()
        opened.SetPriorityClass(opened.GetCurrentProcess(), _BELOW_NORMAL)
        return
    with suppress(OSError):
        os.nice(_NICE)


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
