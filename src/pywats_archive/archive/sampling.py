"""Measures how well a user's own files compress, in a temporary archive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pywats_archive.archive import figures
from pywats_archive.archive.core import Archive
from pywats_archive.archive.sources import ingest
from pywats_archive.errors import SourceChanged, SourceVanished, UsageError
from pywats_archive.models.operation.capacity import HEADER_BYTES, MEASURED, Ratios
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.portable.scratch import Scratch

MOST_FILES, MOST_BYTES = 500, 500_000_000


def measure(folder: Path, *, level: int) -> tuple[Ratios, float]:
    """Compress the files in ``folder`` (at most 500 files and 500 MB); returns their ratios and mean size in bytes.

    Only reads the files, and follows no links. Says nothing about reports. UsageError if there is no file.
    """
    found = measure_files(islice(_within(_files(folder)), MOST_FILES), level=level)
    if found is None:
        raise UsageError(f"--sample {folder}: there is no file with content beneath it; name a folder of log files")
    return found


def measure_files(paths: Iterable[Path], *, level: int) -> tuple[Ratios, float] | None:
    """Compress some files; returns their ratios and mean size in bytes, and None if there is no file with content."""
    scratch = Scratch()
    try:
        found = _archived(scratch.make() / "archive", paths, level)
    finally:
        scratch.close()
    number = found.total_entries
    if not number or not found.source_size_bytes:
        return None
    compressed = max(1, found.compressed_size_bytes - number * HEADER_BYTES)
    files = f"{number} of your files ({found.source_size_bytes / 1e6:.3g} MB) at level {level}"
    ratios = replace(
        MEASURED,
        source_ratio=found.source_size_bytes / compressed,
        measured_on=f"{files}; reports: {MEASURED.measured_on}",
    )
    return ratios, found.source_size_bytes / number


def _archived(root: Path, paths: Iterable[Path], level: int) -> ArchiveStatistics:
    with Archive.open(root, create=True, own=True) as archive:
        for path in paths:
            source = ingest.NewSource(path=path, converter_name="sample", compression_level=level)
            try:
                ingest.archive_source(archive, source)
            except (SourceChanged, SourceVanished):  # the station writes to it
                continue
        return figures.statistics(archive)


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UsageError(f"--sample {folder}: is not a folder; name one that contains log files")
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _within(paths: Iterator[Path]) -> Iterator[Path]:
    """The first paths, up to ``MOST_BYTES`` in total."""
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError:
            continue
        if total > MOST_BYTES:
            return
        yield path
