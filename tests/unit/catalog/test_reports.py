from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pywats_archive.catalog import conversions, entries, reports
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.errors import CatalogError
from pywats_archive.models.report import Report, SubmissionState

from . import made

LATER = made.MORNING + timedelta(minutes=5)


def add(catalog: Catalog, *new: Report) -> tuple[Report, ...]:
    entry = made.entry(1)

    def unit(tx: Connection) -> tuple[Report, ...]:
        entries.add(tx, entry)
        number = conversions.add(tx, made.conversion(entry))
        kept = tuple(replace(report, conversion_id=number) for report in new)
        for report in kept:
            reports.add(tx, report)
        return kept

    return catalog.write(unit)


def numbered(count: int) -> list[Report]:
    return [made.report(made.entry(1), ordinal) for ordinal in range(1, count + 1)]


def submit(catalog: Catalog, report: Report, state: SubmissionState, **changes: object) -> None:
    values = {"tries": 1, "last_error": None, "next_try_at": None, "accepted_at": None} | changes
    catalog.write(lambda tx: reports.set_submission(tx, report, state=state, **values))  # type: ignore[arg-type]


def test_reports_come_back_equal(catalog: Catalog) -> None:
    """An entry's reports come back as they were put in, in their order."""
    full = replace(
        numbered(2)[1],
        submission_state=SubmissionState.REFUSED,
        tries=3,
        last_error="400",
        next_try_at=LATER,
        accepted_at=LATER,
    )
    kept = add(catalog, numbered(1)[0], full)
    with catalog.read() as db:
        assert reports.of_entry(db, made.entry(1).archive_id) == kept
        assert reports.of_entry(db, "another") == ()


def test_the_outbox_gives_what_is_due(catalog: Catalog) -> None:
    """Only reports that wait and may be tried now are due, oldest first, as many as asked for (invariant 4)."""
    kept = add(catalog, *numbered(5))
    submit(catalog, kept[0], SubmissionState.ACCEPTED, accepted_at=made.MORNING)
    submit(catalog, kept[1], SubmissionState.WAITING, next_try_at=LATER, last_error="503")
    submit(catalog, kept[3], SubmissionState.REFUSED, last_error="400")
    waiting = replace(kept[1], tries=1, last_error="503", next_try_at=LATER)
    with catalog.read() as db:
        assert reports.due(db, made.MORNING, 10, latest=LATER) == (kept[2], kept[4])
        assert reports.due(db, LATER, 10, latest=LATER) == (waiting, kept[2], kept[4])
        assert reports.due(db, LATER, 1, latest=LATER) == (waiting,)
        set_back = made.MORNING - timedelta(hours=1)
        assert waiting in reports.due(db, set_back, 10, latest=set_back + timedelta(minutes=5))
        assert reports.waiting_count(db) == 3


def test_a_report_needs_its_entry(catalog: Catalog) -> None:
    """A report of an entry that is not there is refused by the database."""
    with pytest.raises(CatalogError, match="FOREIGN KEY"):
        catalog.write(lambda tx: reports.add(tx, numbered(1)[0]))
