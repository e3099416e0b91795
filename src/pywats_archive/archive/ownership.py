"""Who may write to an archive: one process at a time, which holds a lock and leaves a note of who it is."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from pywats_archive.archive import layout, locking
from pywats_archive.errors import ArchiveInUse
from pywats_archive.models.time import utc_now

_PROBE_S = 0.5
"""How long to wait for who only looks whether there is an owner."""


def acquire(root: Path, *, timeout_s: float = _PROBE_S) -> FileLock:
    """Own the archive at ``root``; ArchiveInUse names the process that does already."""
    lock = _lock(root, timeout_s)
    _leave_note(root)
    return lock


def release(lock: FileLock) -> None:
    """Own the archive no longer."""
    with suppress(OSError):
        _note(Path(lock.lock_file).parent).unlink()
    lock.release()


@contextmanager
def owning(root: Path) -> Iterator[FileLock]:
    """Own the archive meanwhile; ArchiveInUse when another process does."""
    lock = acquire(root)
    try:
        yield lock
    finally:
        release(lock)


def is_owned(root: Path) -> bool:
    """Tell whether a process owns the archive at this moment."""
    try:
        _lock(root, 0).release()
    except ArchiveInUse:
        return True
    return False


def _lock(root: Path, timeout_s: float) -> FileLock:
    return locking.lock(root, layout.LOCK, timeout_s=timeout_s, busy=lambda: _in_use(root))


def _in_use(root: Path) -> ArchiveInUse:
    return ArchiveInUse(f"{root}: {_holder(root)} owns this archive; stop that one first")


def _note(root: Path) -> Path:
    return root / layout.OWNER


def _leave_note(root: Path) -> None:
    """Say who owns the archive; only the lock counts, so a note that cannot be written is no error."""
    told = {"process": os.getpid(), "computer": platform.node(), "since": utc_now().isoformat(timespec="seconds")}
    with suppress(OSError), open(_note(root), "w", encoding="utf-8", opener=_private) as stream:
        json.dump(told, stream)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _holder(root: Path) -> str:
    """Tell who holds the lock, as far as that one said so."""
    try:
        told = json.loads(_note(root).read_text(encoding="utf-8"))
        return f"another pywats-archive process ({told['process']} on {told['computer']}, since {told['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another pywats-archive process"
