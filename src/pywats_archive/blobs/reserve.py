"""The reserve: disk space that is released on a full disk, so that commits still work, and allocated again later.

While it is released nothing but the catalog may grow. Every step may be interrupted: an unfinished one is completed or
removed the next time, and a missing reserve only lacks space.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_archive.blobs.durable import DurableFiles
from pywats_archive.errors import DiskFull, StorageError

NAME = "reserve"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT}) if hasattr(errno, "EDQUOT") else frozenset({errno.ENOSPC})
SIZE_BYTES = 16_000_000
"""What the catalog may need before anything is freed:

- its log, which SQLite writes back at 4 MB (1000 pages);
- the pages of the group that is then being committed, 2 MB for a hundred sources;
- the same 6 MB in the database when the log is written back;
- 4 MB for the rows and events of the first thousand purged entries.
"""
SHARE_OF_DISK = 0.05
"""Its largest share of a small disk."""


def size_for(total_bytes: int) -> int:
    """Return the reserve's size on a disk of ``total_bytes``."""
    return min(SIZE_BYTES, int(total_bytes * SHARE_OF_DISK))


class Reserve:
    """The reserve of one archive; safe to use from many threads. Does nothing before the owner first allocates it."""

    def __init__(self, files: DurableFiles) -> None:
        self._files = files
        self._path = Path(files.root, NAME)
        self._is_released = False
        self._is_in_use = False
        self._mutex = threading.Lock()

    def trouble(self) -> DiskFull | None:
        """Return why no blob can be written, while the reserve is released."""
        return self._full("the remaining space is for the catalog") if self._is_released else None

    def allocate(self) -> bool:
        """Allocate it if there is space for twice as much; True unless the disk is full. Idempotent.

        If it cannot be allocated for another reason, the archive works without it.
        """
        with self._mutex:
            self._is_in_use = True
            try:
                self._is_released = not self._is_allocated_now()
            except OSError as exc:
                self._is_released = exc.errno in NO_ROOM
            return not self._is_released

    def require(self) -> None:
        """Raise DiskFull while it is released and cannot be allocated again."""
        if self._is_released and not self.allocate() and (trouble := self.trouble()):
            raise trouble

    def release(self) -> None:
        """Release its space to the catalog; idempotent, no effect without an owner. StorageError if it cannot be removed."""
        with self._mutex:
            if self._is_in_use:
                self._is_released = True
                try:
                    self._files.free(NAME)
                except OSError as exc:
                    raise StorageError(f"{self._path}: cannot be removed ({exc.strerror or exc}); remove it") from exc

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Release it for an OSError of a full disk inside the block, which becomes DiskFull."""
        try:
            yield
        except OSError as exc:
            if exc.errno in NO_ROOM:
                raise self.release_for(exc) from exc
            raise

    def release_for(self, trouble: OSError) -> DiskFull:
        """Release it because of ``trouble``; returns the error to raise."""
        why = trouble.strerror or str(trouble)
        try:
            self.release()
        except StorageError as exc:
            why = f"{why}; {exc}"
        return self._full(why)

    def _is_allocated_now(self) -> bool:
        disk = shutil.disk_usage(self._files.root)
        size = size_for(disk.total)
        if _is_allocated(self._path, size):
            return True
        if disk.free < 2 * size:
            self._files.free(NAME)
            return False
        self._files.allocate(NAME, size)
        return True

    def _full(self, why: str) -> DiskFull:
        return DiskFull(
            f"{self._files.root}: the disk is full ({why}); free some space, and the waiting work continues by itself"
        )


def _is_allocated(path: Path, size_bytes: int) -> bool:
    """Whether a file has that size on the disk too; compression or a share's rounding may take up to a tenth."""
    try:
        status = os.stat(path)  # noqa: PTH116 (beside os.stat_result)
    except FileNotFoundError:
        return False
    on_disk = getattr(status, "st_blocks", size_bytes) * 512
    return status.st_size >= size_bytes and on_disk >= 0.9 * size_bytes
