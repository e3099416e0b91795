"""Ratings of measured figures. Pure."""

from __future__ import annotations

from pywats_archive.doctor.findings import Result
from pywats_archive.portable.files import NAME_MAX_BYTES

SPACE_BYTES = 10**9
"""Below this a burst of sources may fill the disk."""
FILES = 10_000
"""Free inodes; each source, report and folder needs one."""
CLOCK_S = 2.0
"""The coarsest times that a file system in use keeps (FAT)."""


def rate_space(free_bytes: int, free_files: int | None) -> Result:
    """Rate free space and, if known, free inodes."""
    return Result.OK if free_bytes >= SPACE_BYTES and (free_files is None or free_files >= FILES) else Result.WEAK


def clock_offset_s(before_s: float, written_s: float, after_s: float) -> float:
    """Return how far a file's time is outside the moments before and after its writing; 0 if between, negative if early."""
    return min(0.0, written_s - before_s) + max(0.0, written_s - after_s)


def rate_clock(offset_s: float) -> Result:
    """Rate the difference between the clock of a folder and ours."""
    return Result.OK if abs(offset_s) <= CLOCK_S else Result.WEAK


def rate_name(longest_bytes: int) -> Result:
    """Rate the longest possible name."""
    return Result.OK if longest_bytes >= NAME_MAX_BYTES else Result.WEAK


def rate_mode(mode: int, *, forbidden: int) -> Result:
    """Rate a mode by the bits that should not be set."""
    return Result.WEAK if mode & forbidden else Result.OK
