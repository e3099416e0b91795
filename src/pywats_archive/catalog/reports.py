"""Reports: each document of each conversion, and the outbox among them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import tables
from pywats_archive.catalog.columns import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.report import Report, SubmissionState

_ROWS = Rows(tables.reports, key="report_no")
_WAITING = SubmissionState.WAITING.value


def add(tx: Connection, report: Report) -> int:
    """Add a report; gives its number."""
    values = {name: getattr(report, name) for name in report.__slots__}
    return _ROWS.insert(tx, values | {"submission_state": report.submission_state.value})


def of_entry(db: Connection, archive_id: str) -> tuple[Report, ...]:
    """Give an entry's reports, in the order they were archived."""
    return tuple(map(_report, execute(db, f"{_ROWS.select} WHERE archive_id = ? ORDER BY report_no", (archive_id,))))


def due(db: Connection, now: datetime, limit: int) -> tuple[Report, ...]:
    """Give reports that wait for the server and may be tried at ``now``, oldest first."""
    may_be_tried = "submission_state = ? AND (next_try_at IS NULL OR next_try_at <= ?)"
    oldest = f"{_ROWS.select} WHERE {may_be_tried} ORDER BY report_no LIMIT ?"
    return tuple(map(_report, execute(db, oldest, (_WAITING, moment_to_text(now), limit))))


def waiting_count(db: Connection) -> int:
    """Count the reports that wait for the server."""
    return int(execute(db, "SELECT count(*) FROM reports WHERE submission_state = ?", (_WAITING,)).fetchone()[0])


def set_submission(
    tx: Connection,
    report: Report,
    *,
    state: SubmissionState,
    tries: int,
    last_error: str | None,
    next_try_at: datetime | None,
    accepted_at: datetime | None,
) -> None:
    """Keep how far a report is on its way."""
    changes = {
        "submission_state": state.value,
        "tries": tries,
        "last_error": last_error,
        "next_try_at": next_try_at,
        "accepted_at": accepted_at,
    }
    _ROWS.update(tx, "archived_path", report.archived_path, changes)


def _report(row: Any) -> Report:
    values = _ROWS.decode(row)
    return Report(**values | {"submission_state": SubmissionState(values["submission_state"])})
