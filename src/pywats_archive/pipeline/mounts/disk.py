"""Whether an archive's disk has its minimum free space, and new sources wait otherwise."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pywats_archive.config.free_space import GB, least_free_bytes
from pywats_archive.errors import DiskLow

MEASURED_EVERY_S = 1.0


def is_low(free_bytes: int, least_bytes: int, *, was_low: bool) -> bool:
    """Decide whether new sources must wait."""
    return free_bytes < (enough_bytes(least_bytes) if was_low else least_bytes)


def enough_bytes(least_bytes: int) -> int:
    """Return the free space that ends a low disk: a tenth more than the minimum, so that it does not flap."""
    return least_bytes + least_bytes // 10


class Usage(Protocol):
    """The result of ``shutil.disk_usage``."""

    @property
    def total(self) -> int:
        """Bytes that the disk has."""

    @property
    def free(self) -> int:
        """Bytes that are free for this user."""


Reclaim = Callable[[bool], bool]
"""Called with whether the free space is too low; returns whether every attempt to free space has ended."""


class DiskSpace:
    """The free space on one archive's disk, measured at most once a second; safe to use from many threads."""

    def __init__(
        self,
        root: Path,
        *,
        usage: Callable[[Path], Usage] = shutil.disk_usage,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.min_free_gb: tuple[float | None, ...] = ()
        """``min_free_gb`` of each converter that shares the archive."""
        self.reclaim: Reclaim = lambda is_low: True
        """Called to free space before new sources must wait."""
        self.is_reclaiming = False
        """Whether space is still being freed."""
        self._root = root
        self._usage = usage
        self._seconds = seconds
        self._trouble: DiskLow | None = None
        self._measured_at_s: float | None = None

    def trouble(self) -> DiskLow | None:
        """Return why new sources must wait, if so; a disk that cannot be measured is not low."""
        now_s = self._seconds()
        if self.is_reclaiming or self._measured_at_s is None or now_s - self._measured_at_s >= MEASURED_EVERY_S:
            self._measured_at_s = now_s
            self._trouble = self._measured()
        return self._trouble

    def _measured(self) -> DiskLow | None:
        try:
            disk = self._usage(self._root)
        except OSError:
            return None
        least = least_free_bytes(disk.total, self.min_free_gb)
        is_short = is_low(disk.free, least, was_low=self._trouble is not None)
        self.is_reclaiming = not self.reclaim(is_short)
        if not is_short:
            return None
        return DiskLow(
            f"{self._root}: {disk.free / GB:.3f} GB are free on its disk, less than min_free_gb ({least / GB:.3f}); new "
            f"sources wait until {enough_bytes(least) / GB:.3f} GB are free"
        )
