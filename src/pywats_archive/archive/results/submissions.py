"""Submissions: how far each report got with the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import refusals
from pywats_archive.catalog import events, reports
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.event import Event
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.models.time import UTC


def record_try(
    archive: Archive,
    report: Report,
    *,
    state: SubmissionState,
    reason: str | None = None,
    next_try_at: datetime | None = None,
) -> Report:
    """Record one try to submit a report; acceptance and refusal are events. Returns the report as it is then."""
    known = tried(archive, report, state=state, reason=reason, next_try_at=next_try_at)
    archive.write(recording(archive, known))
    return known


def tried(
    archive: Archive,
    report: Report,
    *,
    state: SubmissionState,
    reason: str | None = None,
    next_try_at: datetime | None = None,
) -> Report:
    """Return a report as it is after one more try, of which nothing is recorded yet."""
    return replace(
        report,
        submission_state=state,
        tries=report.tries + 1,
        last_error=reason,
        next_try_at=next_try_at,
        accepted_at=archive.now() if state is SubmissionState.ACCEPTED else None,
    )


def recording(archive: Archive, known: Report) -> Callable[[Connection], None]:
    """Return the unit that records the last try of a report, for a commit with other units."""

    def unit(tx: Connection) -> None:
        reports.set_submission(
            tx,
            known,
            state=known.submission_state,
            tries=known.tries,
            last_error=known.last_error,
            next_try_at=known.next_try_at,
            accepted_at=known.accepted_at,
        )
        if known.submission_state is not SubmissionState.WAITING:
            events.append(tx, submission_event(archive, known))
        if known.submission_state is SubmissionState.REFUSED:
            refusals.warn(tx, known)

    return unit


def due_reports(
    archive: Archive, *, limit: int, longest_delay: timedelta, whatever_backoff: bool = False
) -> tuple[Report, ...]:
    """Return waiting reports that may be tried now, oldest first.

    A report whose delay is longer than ``longest_delay`` may be tried too: the clock was set back since.
    """
    now = datetime.max.replace(tzinfo=UTC) - longest_delay if whatever_backoff else archive.now()
    with archive.read() as db:
        return reports.due(db, now, limit, latest=now + longest_delay)


def waiting_reports(archive: Archive) -> int:
    """Count the reports that the server has not accepted yet."""
    with archive.read() as db:
        return reports.waiting_count(db)


def submission_event(archive: Archive, report: Report) -> Event:
    details = {"report_id": report.report_id, "ordinal": report.ordinal, "tries": report.tries}
    if report.last_error:
        details["reason"] = report.last_error
    kind = f"report.{report.submission_state.value.lower()}"
    return Event(kind=kind, at=archive.now(), archive_id=report.archive_id, details=details)
