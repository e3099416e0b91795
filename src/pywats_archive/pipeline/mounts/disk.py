"""The minimum free space on an archive's disk (``min_free_gb``): below it no new source is archived."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from pywats_archive.errors import DiskLow

GB = 10**9
SHARE_OF_DISK = 0.05
MEASURED_EVERY_S = 1.0


def least_free_bytes(total_bytes: int, min_free_gb: Iterable[float | None]) -> int:
    """Return the minimum free space of a disk: the largest value of the converters that share the archive.

    None is the default: 1 GB, or 5 % of a smaller disk.
    """
    default = min(GB, int(total_bytes * SHARE_OF_DISK))
    return max((default if wish is None else int(wish * GB) for wish in min_free_gb), default=default)


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
