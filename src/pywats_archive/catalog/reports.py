"""Reports: each document of each conversion, and the outbox among them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pywats_archive.catalog import tables
from pywats_archive.catalog.columns import moment_to_text
from pywats_archive.catalog.driver import Executor, Transaction
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.report import Report, SubmissionState

_ROWS = Rows(tables.reports, key="report_no")


def add(tx: Transaction, report: Report) -> int:
    """Add a report; gives its number."""
    values = {name: getattr(report, name) for name in report.__slots__}
    return _ROWS.insert(tx, values | {"submission_state": report.submission_state.value})


def of_entry(db: Executor, archive_id: str) -> tuple[Report, ...]:
    """Give an entry's reports, in the order they were archived."""
    rows = db.execute(f"{_ROWS.select} WHERE archive_id = ? ORDER BY report_no", (archive_id,))
    return tuple(map(_report, rows))


def due(db: Executor, now: datetime, limit: int) -> tuple[Report, ...]:
    """Give reports that wait for the server and may be tried at ``now``, oldest first."""
    rows = db.execute(
        f"{_ROWS.select} WHERE submission_state = ? AND (next_try_at IS NULL OR next_try_at <= ?) ORDER BY report_no LIMIT ?",
        (SubmissionState.WAITING.value, moment_to_text(now), limit),
    )
    return tuple(map(_report, rows))


def waiting_count(db: Executor) -> int:
    """Count the reports that wait for the server."""
    waiting = "SELECT count(*) FROM reports WHERE submission_state = ?"
    count: int = db.execute(waiting, (SubmissionState.WAITING.value,)).fetchone()[0]
    return count


def set_submission(
    tx: Transaction,
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
