"""Locks of an archive and of a watch folder: what only one process may do at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive.folder import layout
from pywats_archive.errors import ArchiveError, ArchiveInUse, PurgeRunning, RunRunning, StorageError

if TYPE_CHECKING:
    from filelock import FileLock


def lock(root: Path, name: str, *, timeout_s: float, busy: Callable[[], ArchiveError]) -> FileLock:
    """Acquire a lock; ``busy`` is the error if another process holds it until the timeout. StorageError if it cannot exist.

    ``root`` must exist: FileLock would create it, in the place of a disk that is away.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 (slow to import, and readers lock nothing)

    if not root.is_dir():
        raise StorageError(f"{root}: cannot be locked (it is not there); mount its disk or share")
    found = FileLock(root / name, thread_local=False, is_singleton=False)
    try:
        found.acquire(timeout=timeout_s)
    except Timeout as exc:
        raise busy() from exc
    except OSError as exc:
        raise StorageError(f"{root}: cannot be locked ({exc.strerror or exc}); check the disk and its rights") from exc
    return found


@contextmanager
def locked(root: Path, name: str, *, timeout_s: float = 0, busy: Callable[[], ArchiveInUse]) -> Iterator[None]:
    """Hold a lock inside the block; errors as ``lock``."""
    found = lock(root, name, timeout_s=timeout_s, busy=busy)
    try:
        yield
    finally:
        found.release()


def nobody_purging(root: Path) -> AbstractContextManager[None]:
    """Prevent every purge inside the block; PurgeRunning if one is running."""
    message = f"{root}: a purge is running; try again when it has finished"
    return locked(root, layout.PURGING, busy=lambda: PurgeRunning(message))


def nobody_replaying(root: Path, *, timeout_s: float = 0) -> AbstractContextManager[None]:
    """Prevent every replay inside the block; RunRunning if one runs until the timeout."""
    message = f"{root}: a reprocessing is running; wait for it, or cancel it with 'pywats-archive reprocess'"
    return locked(root, layout.REPROCESSING, timeout_s=timeout_s, busy=lambda: RunRunning(message))


def only_import(root: Path) -> AbstractContextManager[None]:
    """Prevent every other import, and a rebuild, inside the block; ArchiveInUse if an import is running."""
    message = f"{root}: an import is running; try again when it has finished"
    return locked(root, layout.IMPORTING, busy=lambda: ArchiveInUse(message))


def between_import_batches(root: Path, *, timeout_s: float) -> AbstractContextManager[None]:
    """Let no import write a file inside the block; ArchiveInUse if one does until the timeout."""
    message = f"{root}: an import is writing a large source; try again later"
    return locked(root, layout.IMPORT_BATCH, timeout_s=timeout_s, busy=lambda: ArchiveInUse(message))
