"""The disk space that an archive will take: the analysis' calculation, with measured ratios."""

from __future__ import annotations

from dataclasses import dataclass

BLOCK_BYTES = 4096
"""The block size of common file systems (NTFS' and ext4's default)."""
HEADER_BYTES = 560
"""The size of a blob's header and end: the median for real log files of seven makers."""
CATALOG_BYTES = 4300
"""The size of an entry in the catalog: its row, conversion, report, ledger and events, with their indexes.

Measured over 2,000 entries that passed the service. It stays when the entry is purged.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratios:
    """Measured on files: how well they compress, and how large their reports are."""

    source_ratio: float
    """Bytes of sources over their bytes compressed, without headers."""
    report_share: float
    """Bytes of a report over those of its source; 0 if no reports are archived."""
    report_ratio: float
    """Bytes of reports over their bytes compressed, without headers."""
    measured_on: str
    """The origin of the figures, for people."""


MEASURED = Ratios(
    source_ratio=5.6,
    report_share=1.5,
    report_ratio=12.9,
    measured_on="25 real log files of nine formats (2.4 MB) at level 6, and the reports of those that pyWATS converts",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """The files to be archived."""

    files_per_day: float
    """Per converter."""
    file_size_bytes: float
    """Mean size of a file."""
    converters: int = 1
    """Number of converters."""
    days: float = 90
    """How long entries are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """The disk space of a load; bytes, of all converters together unless stated otherwise."""

    files: int
    """Number of entries once the first one reaches the end of its retention."""
    uncompressed_bytes: int
    """Size of the sources."""
    compressed_bytes: int
    """Sources, as the analysis counts them: by their ratio alone."""
    source_disk_bytes: int
    """The same in whole blocks of the file system, with headers."""
    report_disk_bytes: int
    """Reports in whole blocks of the file system, with headers."""
    catalog_bytes: int
    """The catalog."""
    total_bytes: int
    """Everything."""
    bytes_per_day: int
    """Bytes per day on disk, with the catalog."""
    max_size_gb: float
    """A size limit for each converter, with a fifth to spare."""
    ratios: Ratios
    """The ratios that were used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedLoad:
    """The files that a converter is likely to get, estimated from those of the last days."""

    days: int
    """The number of days that were looked at."""
    files: int
    """The files of these days."""
    size_bytes: int
    """Their size."""
    source_bytes_per_day: float
    """What their sources take on disk per day, compressed."""
    report_bytes_per_day: float
    """What their reports take; 0 if ``source_bytes_per_day`` has both."""
    seen_in: tuple[str, ...]
    """The folders that were looked at; the archive, if it has entries of the converter."""
    measured_on: str = ""
    """The origin of the compression ratios, for people; empty if the sizes are those of an archive."""

    def disk_bytes(self, days: float, *, sources: bool = True, reports: bool = True) -> int:
        """Return what the files of so many days take on disk, with their sources and reports or without.

        The sizes of an archive are those of what it keeps now, whatever is asked for.
        """
        is_measured = not self.measured_on
        per_day = self.source_bytes_per_day if sources or is_measured else 0
        return round(days * (per_day + (self.report_bytes_per_day if reports else 0)))


def expected_load(
    *, days: int, files: int, size_bytes: int, seen_in: tuple[str, ...], ratios: Ratios = MEASURED
) -> ExpectedLoad:
    """Return the load that files of the last days predict, by ratios; there is at least one file."""
    mean = size_bytes / files
    return ExpectedLoad(
        days=days,
        files=files,
        size_bytes=size_bytes,
        source_bytes_per_day=files / days * _allotted(mean / ratios.source_ratio),
        report_bytes_per_day=files / days * _allotted(mean * ratios.report_share / ratios.report_ratio),
        seen_in=seen_in,
        measured_on=ratios.measured_on,
    )


_MOST = 1e15


def capacity(load: Load, ratios: Ratios = MEASURED) -> Capacity:
    """Calculate the disk space of a load; ValueError names an invalid value."""
    for name in ("files_per_day", "file_size_bytes", "converters", "days"):
        if not 0 < getattr(load, name) <= _MOST:
            raise ValueError(f"{name} = {getattr(load, name)}: must be above 0, and at most {_MOST:g}")
    files = load.files_per_day * load.converters * load.days
    source = _allotted(load.file_size_bytes / ratios.source_ratio)
    report = _allotted(load.file_size_bytes * ratios.report_share / ratios.report_ratio) if ratios.report_share else 0
    total = files * (source + report + CATALOG_BYTES)
    return Capacity(
        files=round(files),
        uncompressed_bytes=round(files * load.file_size_bytes),
        compressed_bytes=round(files * load.file_size_bytes / ratios.source_ratio),
        source_disk_bytes=round(files * source),
        report_disk_bytes=round(files * report),
        catalog_bytes=round(files * CATALOG_BYTES),
        total_bytes=round(total),
        bytes_per_day=round(total / load.days),
        max_size_gb=_rounded_up(1.2 * files * (source + report) / load.converters / 1e9),
        ratios=ratios,
    )


def _allotted(compressed_bytes: float) -> int:
    """Return the disk space of a blob of this content, in whole blocks."""
    return int(-(-(compressed_bytes + HEADER_BYTES) // BLOCK_BYTES) * BLOCK_BYTES)


def _rounded_up(gigabytes: float) -> float:
    """Round up to two digits after the point."""
    return int(gigabytes * 100 + 1) / 100
