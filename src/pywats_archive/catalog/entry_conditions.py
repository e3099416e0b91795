"""A filter of entries as SQL conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pywats_archive.catalog import search
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.models.query import EntryFilter


def conditions(wanted: EntryFilter) -> tuple[str, tuple[Any, ...]]:
    """Return a WHERE clause for a filter, empty if it has no condition, and its values."""
    tests = [(condition, value) for condition, value in _asked(wanted) if value is not None]
    where = " AND ".join(condition for condition, _ in tests)
    values = tuple(value for condition, value in tests if "?" in condition)
    return (f"WHERE {where}" if where else ""), values


def _asked(wanted: EntryFilter) -> Iterator[tuple[str, Any]]:
    by_report = "archive_id IN (SELECT archive_id FROM reports WHERE {} = ?)"
    yield "converter_name = ?", wanted.converter_name
    yield "conversion_status = ?", wanted.status.value if wanted.status else None
    yield "conversion_timestamp >= ?", moment_to_text(wanted.from_date) if wanted.from_date else None
    yield "conversion_timestamp <= ?", moment_to_text(wanted.to_date) if wanted.to_date else None
    yield by_report.format("serial_number"), wanted.serial_number
    yield by_report.format("part_number"), wanted.part_number
    yield by_report.format("submission_state"), wanted.submission.value if wanted.submission else None
    if wanted.warned is not None:
        yield f"warnings IS {'NOT ' if wanted.warned else ''}NULL", True
    if wanted.purged is not None:
        yield f"purged_at IS {'NOT ' if wanted.purged else ''}NULL", True
    if wanted.text is not None:
        match = search.match_expression(wanted.text)
        if match is None:
            yield "0", True
        else:
            yield "entry_no IN (SELECT rowid FROM entry_text WHERE entry_text MATCH ?)", match
