"""Ownership of an archive or a watch folder: by one process at a time, which holds a lock and leaves a note."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.folder import account, layout, locks
from pywats_archive.errors import ArchiveInUse, StorageError
from pywats_archive.models.operation.service import NoteAuthor
from pywats_archive.models.time import utc_now
from pywats_archive.portable import names, processes

if TYPE_CHECKING:
    from filelock import FileLock

_PROBE_S = 0.5
"""How long to wait for a process that only checks for an owner."""


def acquire(root: Path, *, timeout_s: float = _PROBE_S) -> FileLock:
    """Own the archive at ``root``; ArchiveInUse names the process that owns it already."""
    account.require_owner(root)
    lock = _lock(root, timeout_s)
    write_note(_note(root))
    return lock


def release(lock: FileLock) -> None:
    """Give up ownership."""
    with suppress(OSError):
        names.unlink(_note(Path(lock.lock_file).parent))
    lock.release()


@contextmanager
def owning(root: Path) -> Iterator[FileLock]:
    """Own the archive inside the block; ArchiveInUse if another process owns it."""
    lock = acquire(root)
    try:
        yield lock
    finally:
        release(lock)


def is_owned(root: Path) -> bool:
    """Whether a process owns the archive now. Creates nothing, and works on a read-only medium too."""
    if not (root / layout.LOCK).exists():
        return False
    try:
        _lock(root, 0).release()
    except ArchiveInUse:
        return True
    except StorageError:
        return processes.is_locked(root / layout.LOCK)
    return False


def _lock(root: Path, timeout_s: float) -> FileLock:
    return locks.lock(root, layout.LOCK, timeout_s=timeout_s, busy=lambda: _in_use(root))


def _in_use(root: Path) -> ArchiveInUse:
    return ArchiveInUse(f"{root}: {holder(_note(root))} owns this archive; stop that one first")


def _note(root: Path) -> Path:
    return root / layout.OWNER


def write_note(note: Path, **more: object) -> None:
    """Write down who holds a lock, and JSON values; only the lock counts, so an unwritable note is no error.

    The note may be in a folder that others can write to: it is always created as a new file, and never follows a link.
    """
    since = utc_now().isoformat(timespec="seconds")
    content = {"process": os.getpid(), "computer": platform.node(), "since": since, **more}
    partial = note.with_name(f"{note.name}.part")
    with suppress(OSError):
        names.unlink(partial, missing_ok=True)
        try:
            with open(partial, "x", encoding="utf-8", opener=_readable) as stream:
                json.dump(content, stream)
            names.replace(partial, note)
        finally:  # on a full disk it would stay half-written
            names.unlink(partial, missing_ok=True)


def _readable(path: str, flags: int) -> int:
    return os.open(path, flags, 0o644)


def author_of(note: Path) -> NoteAuthor | None:
    """Return who left a note; None if there is none, or it cannot be read."""
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        since = datetime.fromisoformat(found["since"])
        return NoteAuthor(process=int(found["process"]), computer=str(found["computer"]), since=since)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holder(note: Path) -> str:
    """Describe who holds a lock, as far as its note says."""
    try:
        found = json.loads(note.read_text(encoding="utf-8"))
        with_what = f", with {found['configuration']}" if "configuration" in found else ""
        who = f"{found['process']} on {found['computer']}, since {found['since']}{with_what}"
        return f"another pywats-archive process ({who})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another pywats-archive process"
