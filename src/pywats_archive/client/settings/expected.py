"""The load of a converter, estimated from the last days: from its archive, or from the files in its folders."""

from __future__ import annotations

import heapq
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pywats_archive.archive import figures, sampling
from pywats_archive.archive.core import Archive
from pywats_archive.config import ConverterConfig
from pywats_archive.models.operation.capacity import MEASURED, ExpectedLoad, expected_load
from pywats_archive.models.time import utc_now

DAYS = 7
_MOST_LISTED = 200_000
_MOST_SAMPLED, _MOST_SAMPLED_BYTES = 30, 10_000_000
_FOLDERS = ("watch_folder", "done_folder", "error_folder", "pending_folder")
_Found = tuple[float, int, Path]
"""Modification time, size and path of a file."""


def by_archives(archives: Sequence[Archive], converter_name: str) -> ExpectedLoad | None:
    """Estimate from what archives received in the last week; None if they received nothing."""
    holders = [each for each in archives if converter_name in each.converter_names()]
    first = utc_now().date().toordinal() - DAYS + 1
    per_day = [day for each in holders for day in figures.statistics(each, converter_name).by_day]
    recent = [day for day in per_day if day.day.toordinal() >= first]
    files = sum(day.entries for day in recent)
    if not files:
        return None
    return ExpectedLoad(
        days=DAYS,
        files=files,
        size_bytes=sum(day.source_size_bytes for day in recent),
        source_bytes_per_day=sum(day.disk_size_bytes for day in recent) / DAYS,
        report_bytes_per_day=0,
        seen_in=tuple(str(each.root) for each in holders),
    )


def by_files(config: ConverterConfig, *, level: int) -> ExpectedLoad | None:
    """Estimate from the files in a converter's folders that changed in the last week; None if there is none."""
    folders = [Path(folder) for key in _FOLDERS if (folder := getattr(config, key))]
    since = time.time() - DAYS * 86_400
    recent = [each for folder in folders for each in _files(folder) if each[0] >= since and each[1]]
    if not recent:
        return None
    sampled = sampling.measure_files(_sample(recent), level=level)
    return expected_load(
        days=DAYS,
        files=len(recent),
        size_bytes=sum(size for _, size, _ in recent),
        seen_in=tuple(map(str, folders)),
        ratios=sampled[0] if sampled else MEASURED,
    )


def _files(folder: Path) -> Iterator[_Found]:
    """Yield the files in a folder, and in its folders, which may be sources."""
    with suppress(OSError), os.scandir(folder) as listing:
        for item in islice(listing, _MOST_LISTED):
            with suppress(OSError):
                if item.is_dir(follow_symlinks=False):
                    yield from _within(item.path)
                elif item.is_file(follow_symlinks=False):
                    status = item.stat()
                    yield status.st_mtime, status.st_size, Path(item.path)


def _within(folder: str) -> Iterator[_Found]:
    with os.scandir(folder) as listing:
        for item in islice(listing, _MOST_LISTED):
            status = item.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield status.st_mtime, status.st_size, Path(item.path)


def _sample(found: Iterable[_Found]) -> Iterator[Path]:
    total = 0
    for _, size, path in heapq.nlargest(_MOST_SAMPLED, found):
        total += size
        if total <= _MOST_SAMPLED_BYTES:
            yield path
