"""The figures of an archive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.driver import execute
from pywats_archive.models.policy import ArchiveStatistics

_ENTRIES = (
    "SELECT count(*), coalesce(sum(source_size_bytes), 0), coalesce(sum(compressed_size_bytes), 0), "
    "count(warnings), min(created_at), max(created_at) FROM archive_entries {}"
)
_STATUS = "SELECT conversion_status, count(*) FROM archive_entries {} GROUP BY 1 ORDER BY 1"
_REPORTS = (
    "SELECT count(*), coalesce(sum(size_bytes), 0), coalesce(sum(compressed_size_bytes), 0), "
    "coalesce(sum(submission_state = 'WAITING'), 0), coalesce(sum(submission_state = 'REFUSED'), 0) FROM reports {}"
)


def statistics(db: Connection, converter_name: str | None) -> ArchiveStatistics:
    """Give the figures of all entries, or of one converter's."""
    mine = "WHERE converter_name = ?" if converter_name else ""
    theirs = f"WHERE archive_id IN (SELECT archive_id FROM archive_entries {mine})" if converter_name else ""
    values = (converter_name,) if converter_name else ()
    entries = execute(db, _ENTRIES.format(mine), values).fetchone()
    reports = execute(db, _REPORTS.format(theirs), values).fetchone()
    by_status = dict(execute(db, _STATUS.format(mine), values).fetchall())
    kept = entries[2] + reports[2]
    return ArchiveStatistics(
        converter_name=converter_name,
        total_entries=entries[0],
        by_status=by_status,
        source_size_bytes=entries[1],
        compressed_size_bytes=entries[2],
        report_count=reports[0],
        report_size_bytes=reports[1],
        report_compressed_size_bytes=reports[2],
        waiting_reports=reports[3],
        refused_reports=reports[4],
        warned_entries=entries[3],
        compression_ratio=round((entries[1] + reports[1]) / kept, 2) if kept else 0.0,
        oldest_entry=_moment(entries[4]),
        newest_entry=_moment(entries[5]),
    )


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
