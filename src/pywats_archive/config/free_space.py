"""The minimum free space on an archive's disk (``min_free_gb``): below it no new source is archived. Pure."""

from __future__ import annotations

from collections.abc import Iterable

GB = 10**9
SHARE_OF_DISK = 0.05


def least_free_bytes(total_bytes: int, min_free_gb: Iterable[float | None]) -> int:
    """Return the minimum free space of a disk: the largest value of the converters that share the archive.

    None is the default: 1 GB, or 5 % of a smaller disk.
    """
    default = min(GB, int(total_bytes * SHARE_OF_DISK))
    return max((default if wish is None else int(wish * GB) for wish in min_free_gb), default=default)
