"""A filter of entries as SQL conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pywats_archive.catalog import search
from pywats_archive.catalog.column_types import json_to_text, moment_to_text
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import end_of, start_of

_OF_REPORTS = "SELECT archive_id FROM reports WHERE {}"
_BY_REPORT = f"archive_id IN ({_OF_REPORTS})"
_BY_EACH_REPORT = "EXISTS (SELECT 1 FROM reports r WHERE r.archive_id = archive_entries.archive_id AND +r.{})"
"""For what almost every report is: SQLite reads entry after entry until it has enough ('+': not by the index of reports)."""
_ESCAPED = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_", "*": "%", "?": "_"})
"""From the wildcards that WATS has to those of LIKE."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What the rows of ``archive_entries`` must meet, and what the full-text index must find."""

    where: tuple[str, ...]
    values: tuple[Any, ...]
    match: str | None = None
    """An FTS5 query; None if there is no text to search for."""
    range: tuple[str, ...] = ()
    """Those of the date range alone, which an index has; they are in ``where`` too."""
    range_values: tuple[Any, ...] = ()
    counted: str | None = None
    """A query with the same ``values`` that has as many rows, and is quicker to count; None if there is none."""

    def __bool__(self) -> bool:
        return bool(self.where) or self.match is not None


def conditions(wanted: EntryFilter) -> Conditions:
    """Return the conditions of a filter."""
    within = [(condition, value) for condition, value in _range(wanted) if value is not None]
    asked = [*within, *((condition, value) for condition, value in _asked(wanted) if value is not None)]
    match = None if wanted.text is None else search.match_expression(wanted.text)
    if wanted.text is not None and match is None:
        asked.append(("0", True))
    return Conditions(
        where=tuple(condition for condition, _ in asked),
        values=tuple(value for condition, value in asked if "?" in condition),
        match=match,
        range=tuple(condition for condition, _ in within),
        range_values=tuple(value for _, value in within),
        counted=_of_reports(asked[0][0]) if len(asked) == 1 and match is None else None,
    )


def _of_reports(condition: str) -> str | None:
    """Return the query for the entries of a condition on reports alone."""
    start, end = _BY_REPORT.split("{}")
    if not (condition.startswith(start) and condition.endswith(end)):
        return None
    return _OF_REPORTS.format(condition[len(start) : -len(end)]).replace("SELECT", "SELECT DISTINCT", 1)


def _range(wanted: EntryFilter) -> Iterator[tuple[str, str | None]]:
    yield "conversion_timestamp >= ?", moment_to_text(start_of(wanted.from_date)) if wanted.from_date else None
    yield "conversion_timestamp <= ?", moment_to_text(end_of(wanted.to_date)) if wanted.to_date else None


def _asked(wanted: EntryFilter) -> Iterator[tuple[str, Any]]:
    yield "converter_name = ?", wanted.converter_name
    yield "conversion_status = ?", wanted.status.value if wanted.status else None
    ids = None if wanted.archive_ids is None else json_to_text(wanted.archive_ids)
    yield "archive_id IN (SELECT value FROM json_each(?))", ids
    yield "conversion_status = 'FAILED' AND failure_reason = ?", wanted.failure_reason
    yield "result = ?", wanted.result.value if wanted.result else None
    yield _like("serial_number", wanted.serial_number)
    yield _like("part_number", wanted.part_number)
    submission = wanted.submission.value if wanted.submission else None
    by_report = _BY_EACH_REPORT if wanted.submission is SubmissionState.ACCEPTED else _BY_REPORT
    yield by_report.format("submission_state = ?"), submission
    if wanted.warned is not None:
        yield f"warnings IS {'NOT ' if wanted.warned else ''}NULL", True
    if wanted.purged is not None:
        yield f"purged_at IS {'NOT ' if wanted.purged else ''}NULL", True


def _like(column: str, value: str | None) -> tuple[str, str | None]:
    """Return the condition for a serial or part number; one with a wildcard in front reads the whole index."""
    if value is None or not any(wildcard in value for wildcard in "*?"):
        return _BY_REPORT.format(f"{column} = ?"), value
    return _BY_REPORT.format(f"{column} LIKE ? ESCAPE '\\'"), value.translate(_ESCAPED)
