"""The rows of an entry that comes from another archive: as they were there, but for what this archive decides itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.models.bag.record import BaggedEntry
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, Companion, ConversionStatus
from pywats_archive.models.ids import day_of
from pywats_archive.models.report import Report, SubmissionState

UNFINISHED = (ConversionStatus.PENDING, ConversionStatus.SUSPENDED)
"""No converter here waits for such an entry."""
NOT_CONVERTED = "imported: it was not converted yet"
Place = tuple[str, int, int]
"""A blob: its path, its size, and its space on disk."""


def entry_of(
    archive: Archive,
    record: BaggedEntry,
    made: Sequence[Report],
    *,
    source_path: str,
    compressed_size_bytes: int,
    disk_size_bytes: int,
    companions: tuple[Companion, ...],
) -> ArchiveEntry:
    """Return the row of an entry: kept as long as the policy here says, and never waiting for a converter."""
    before = record.entry
    status = ConversionStatus.SKIPPED if before.conversion_status in UNFINISHED else before.conversion_status
    is_failed = status is ConversionStatus.FAILED
    policy = archive.policies.effective(before.converter_name)
    moved = {old.archived_path: new.archived_path for old, new in zip(record.reports, made, strict=True)}
    return replace(
        before,
        source_archived_path=source_path,
        compressed_size_bytes=compressed_size_bytes,
        disk_size_bytes=disk_size_bytes,
        companions=companions,
        conversion_status=status,
        conversion_error=before.conversion_error if status is before.conversion_status else NOT_CONVERTED,
        report_archived_path=moved.get(before.report_archived_path or ""),
        retention_until=policy.kept_until(day_of(before.archive_id), failed=is_failed),
        verified_at=None,
        purged_at=None,
    )


def conversion_of(conversion: Conversion) -> Conversion:
    """Return the row of a conversion; its run is not on record here."""
    return replace(conversion, conversion_id=None, run_id=None)


def reports_of(record: BaggedEntry, documents: Sequence[Place | None]) -> tuple[Report, ...]:
    """Return the rows of the reports, in their order; none of them is ever sent."""
    pairs = enumerate(zip(record.reports, documents, strict=True), 1)
    return tuple(_report(record, report, number, place) for number, (report, place) in pairs)


def _report(record: BaggedEntry, report: Report, number: int, place: Place | None) -> Report:
    path, compressed, disk = place or (layout.report_path(report.archive_id, number), report.compressed_size_bytes, 0)
    waits = report.submission_state is SubmissionState.WAITING
    waited = f"imported from archive {record.archive_uuid}, where it waited for the server"
    return replace(
        report,
        archived_path=path,
        compressed_size_bytes=compressed,
        disk_size_bytes=disk,
        submission_state=SubmissionState.WITHHELD if waits else report.submission_state,
        last_error=waited if waits else report.last_error,
        next_try_at=None,
        verified_at=None,
    )
