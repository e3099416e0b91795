from __future__ import annotations

from dataclasses import replace

from pywats_archive.catalog import entries, reports
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.catalog.statistics import statistics
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.report import SubmissionState

from . import made


def test_an_empty_archive_has_figures(catalog: Catalog) -> None:
    """An empty archive is all zeros, and divides by none."""
    with catalog.read() as db:
        figures = statistics(db, None, now=made.MORNING)
    assert (figures.total_entries, figures.compression_ratio, figures.oldest_entry) == (0, 0.0, None)
    assert figures.by_status == {}


def test_figures_are_of_all_or_of_one_converter(catalog: Catalog) -> None:
    """The figures add up over entries and reports, of the archive or of one converter's part."""
    one = made.entry(1, conversion_status=ConversionStatus.SUCCESS, warnings=("no steps",))
    other = made.entry(2, converter_name="XML")

    def unit(tx: Connection) -> None:
        entries.add(tx, one)
        entries.add(tx, other)
        reports.add(tx, made.report(one, 1))
        reports.add(tx, made.report(one, 2, submission_state=SubmissionState.ACCEPTED))
        reports.add(tx, made.report(other, 1, submission_state=SubmissionState.REFUSED))

    catalog.write(unit)
    with catalog.read() as db:
        mine, whole = statistics(db, "CSV", now=made.MORNING), statistics(db, None, now=made.MORNING)
    assert replace(mine, by_day=(), bytes_per_day={}) == ArchiveStatistics(
        converter_name="CSV",
        total_entries=1,
        by_status={"SUCCESS": 1},
        source_size_bytes=10_240,
        compressed_size_bytes=2_048,
        report_count=2,
        report_size_bytes=8_000,
        report_compressed_size_bytes=2_000,
        waiting_reports=1,
        refused_reports=0,
        warned_entries=1,
        compression_ratio=4.51,
        oldest_entry=one.created_at,
        newest_entry=one.created_at,
    )
    assert (whole.total_entries, whole.by_status) == (2, {"PENDING": 1, "SUCCESS": 1})
    assert (whole.report_count, whole.refused_reports) == (3, 1)
    assert (whole.oldest_entry, whole.newest_entry) == (one.created_at, other.created_at)
