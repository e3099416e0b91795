"""Refused reports, and those that are never taken: which alerts are open, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pywats_archive.archive import ingest, record
from pywats_archive.archive.core import Archive
from pywats_archive.archive.record import NewConversion
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.alerts import OVERDUE, REFUSED, Alerts
from pywats_archive.pipeline.refusals import Refusals

BEGIN = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


class _Watched:
    """One archive with a clock that is set by hand, and the alerts of its station."""

    def __init__(self, archive: Archive, clock: _Clock) -> None:
        self.archive, self.clock = archive, clock
        self.alerts = Alerts(lambda: (archive,), clock=clock)
        self._refusals = Refusals(self.alerts, clock=clock)

    def converted(self, source: Path) -> tuple[ArchiveEntry, Report]:
        """Archive a source and convert it to one report."""
        source.write_bytes(b"x")
        entry = ingest.archive_source(self.archive, ingest.NewSource(path=source, converter_name="ICT"))
        return entry, self.again(entry)

    def again(self, entry: ArchiveEntry) -> Report:
        """Convert an entry once more."""
        conversion = Conversion(
            archive_id=entry.archive_id,
            attempt=0,
            started_at=self.clock.now,
            duration_ms=1,
            status=ConversionStatus.SUCCESS,
            converter_name="ICT",
            converter_class="own.Any",
            code_fingerprint="sha256:c0de",
        )
        body = b'{"sn": "S1", "pn": "P1", "start": "2026-02-13T10:00:00Z"}'
        (report,) = record.record_conversion(self.archive, NewConversion(conversion=conversion, documents=[body]))
        return report

    def answered(self, report: Report, state: SubmissionState, words: str | None = None) -> Report:
        return record.record_try(self.archive, report, state=state, reason=words)

    def open(self) -> list[tuple[str, str, object]]:
        """Look, and give the alerts that are open."""
        self._refusals.look([self.archive], again=True)
        self._refusals.look_for_overdue([self.archive])
        return [(alert.name, alert.subject, dict(alert.fields)["reason"]) for alert in self.alerts.open]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[_Watched]:
    clock = _Clock()
    with Archive.open(tmp_path / "archive", create=True, own=True, clock=clock) as archive:
        yield _Watched(archive, clock)


def test_a_refusal_is_told_for_a_week(watched: _Watched, tmp_path: Path) -> None:
    """With the server's words; then it is in the list of the refused ones alone."""
    _, report = watched.converted(tmp_path / "a.csv")
    watched.answered(report, SubmissionState.REFUSED, "no such part")
    assert watched.open() == [(REFUSED, "ICT", "no such part")]
    watched.clock.now += timedelta(days=6, hours=23)
    assert watched.open() != []
    watched.clock.now += timedelta(hours=2)
    assert watched.open() == []


def test_a_refusal_is_over_once_a_later_conversion_is_shown(watched: _Watched, tmp_path: Path) -> None:
    """Somebody has dealt with it: the old report stays refused, and is no trouble any more."""
    entry, report = watched.converted(tmp_path / "a.csv")
    watched.answered(report, SubmissionState.REFUSED, "no such part")
    assert watched.archive.entry(entry.archive_id).warnings[-1].endswith("no such part")
    watched.clock.now += timedelta(hours=1)
    later = watched.again(entry)
    assert watched.open() == []
    watched.answered(later, SubmissionState.ACCEPTED)
    assert watched.open() == [] and watched.archive.entry(entry.archive_id).warnings == ()


def test_a_refusal_of_an_earlier_conversion_warns_of_nothing(watched: _Watched, tmp_path: Path) -> None:
    """An answer that comes after the entry was converted again is not about what it shows."""
    entry, report = watched.converted(tmp_path / "a.csv")
    watched.clock.now += timedelta(hours=1)
    watched.again(entry)
    watched.answered(report, SubmissionState.REFUSED, "no such part")
    assert watched.open() == [] and watched.archive.entry(entry.archive_id).warnings == ()


def test_a_report_that_is_never_taken_is_told_after_a_day(watched: _Watched, tmp_path: Path) -> None:
    """The server takes others, and answers this one with an error for ever; the alert is over when it is taken."""
    _, report = watched.converted(tmp_path / "a.csv")
    for _ in range(10):
        report = watched.answered(report, SubmissionState.WAITING, "500: internal error")
    watched.clock.now += timedelta(hours=23)
    assert watched.open() == []
    watched.clock.now += timedelta(hours=2)
    assert watched.open() == [(OVERDUE, "ICT", "500: internal error")]
    watched.answered(report, SubmissionState.ACCEPTED)
    assert watched.open() == []


def test_a_report_that_was_hardly_tried_is_not_overdue(watched: _Watched, tmp_path: Path) -> None:
    """While the service is stopped nothing is tried: that is no fault of the server."""
    _, report = watched.converted(tmp_path / "a.csv")
    for _ in range(9):
        report = watched.answered(report, SubmissionState.WAITING, "500: internal error")
    watched.clock.now += timedelta(days=3)
    assert watched.open() == []
