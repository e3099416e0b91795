"""Tests in a folder what an archive relies on: the owner's lock, and the catalog."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum
from pathlib import Path

from filelock import FileLock, SoftFileLock

from pywats_archive.catalog.trial import Sharing, try_sharing

__all__ = ["Exclusion", "Sharing", "try_lock", "try_sharing"]

_TIMEOUT_S = 20
_KEPT_OUT = 3
_OTHER_PROCESS = f"""
import sys
from filelock import FileLock, Timeout
try:
    FileLock(sys.argv[1]).acquire(timeout=0)
except Timeout:
    sys.exit({_KEPT_OUT})
"""


class Exclusion(str, Enum):
    """The effect of a lock on a second process."""

    KEPT_OUT = "kept out"
    MARKER = "kept out by a marker file"
    """The file system has no locks; filelock leaves a file that remains after a crash."""
    LET_IN = "let in"


def try_lock(path: Path) -> Exclusion:
    """Lock ``path`` as an archive's owner does, and try the lock from a second process; OSError if there are no locks."""
    lock = FileLock(path, thread_local=False, is_singleton=False)
    with lock.acquire(timeout=0):
        command = [sys.executable, "-c", _OTHER_PROCESS, str(path)]
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603
        if done.returncode != _KEPT_OUT:
            return Exclusion.LET_IN
        return Exclusion.MARKER if isinstance(lock, SoftFileLock) else Exclusion.KEPT_OUT
