"""The unfinished work of an archive, and when the server last accepted a report."""

from __future__ import annotations

from datetime import datetime

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import arrival_figures, events, reports
from pywats_archive.models.operation.status import WaitingWork

_MOST_EVENTS = 100_000
"""The newest events, among which the last acceptance is searched for."""


def waiting(archive: Archive) -> WaitingWork:
    """Return what waits; the cost does not depend on the number of finished sources."""
    with archive.read() as db:
        by_state, oldest = arrival_figures.open_counts(db), arrival_figures.oldest_open(db)
        return WaitingWork(
            sources=sum(by_state.values()),
            by_state=by_state,
            reports=reports.waiting_count(db),
            oldest_at=oldest.first_seen_at if oldest else None,
            oldest_path=oldest.path if oldest else None,
        )


def last_accepted(archive: Archive) -> datetime | None:
    """Return when the server last accepted a report, if that was not long ago."""
    with archive.read() as db:
        return events.last_moment(db, "report.accepted", among=_MOST_EVENTS)
