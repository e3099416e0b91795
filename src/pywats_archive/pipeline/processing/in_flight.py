"""Conversions whose sources have not left yet: from memory, or read back from the catalog."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.report import Report, SubmissionState


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """The facts about a conversion that its source's end depends on."""

    entry: ArchiveEntry
    status: ConversionStatus
    requested_action: str | None
    reports: tuple[Report, ...] = ()
    unrecorded: Report | None = None
    """Its only report, if it was accepted and that is to be recorded in one commit with the end of the source."""

    @property
    def is_answered(self) -> bool:
        return all(report.submission_state is not SubmissionState.WAITING for report in self.reports)


class InFlight:
    """Conversions with one report, so that they need not be read back; the oldest are forgotten."""

    REMEMBERED = 500
    MOST_UNRECORDED = 32
    """Further answers are recorded at once: while sources are slow to leave, the catalog shows what the server has."""

    def __init__(self) -> None:
        self._conversions: dict[tuple[Path, str], tuple[Arrival, Completion]] = {}
        self._unrecorded: dict[tuple[Path, str], Completion] = {}
        self._mutex = threading.Lock()

    def remember(self, archive: Archive, arrival: Arrival, converted: Completion) -> None:
        with self._mutex:
            while len(self._conversions) >= self.REMEMBERED:
                del self._conversions[next(iter(self._conversions))]
            self._conversions[archive.root, converted.entry.archive_id] = arrival, converted

    def note_answer(
        self, archive: Archive, report: Report, state: SubmissionState, reason: str | None
    ) -> Arrival | None:
        """Record the server's answer; returns the report's arrival, if it is remembered."""
        key = archive.root, report.archive_id
        with self._mutex:
            arrival, converted = self._remembered(archive, report)
            if arrival is None or converted is None:
                return None
            answered = replace(converted.reports[0], submission_state=state, last_error=reason)
            self._conversions[key] = arrival, replace(converted, reports=(answered,))
        return arrival

    def arrival_of(self, archive: Archive, report: Report) -> Arrival | None:
        """Return the arrival of a report, if its conversion is remembered."""
        with self._mutex:
            return self._remembered(archive, report)[0]

    def accept(self, archive: Archive, accepted: Report) -> bool:
        """Keep the server's acceptance, to be recorded with the end of the source; False if that is not possible."""
        key = archive.root, accepted.archive_id
        with self._mutex:
            _, converted = self._remembered(archive, accepted)
            if converted is None or len(self._unrecorded) >= self.MOST_UNRECORDED:
                return False
            del self._conversions[key]
            self._unrecorded[key] = replace(converted, reports=(accepted,), unrecorded=accepted)
        return True

    def _remembered(self, archive: Archive, report: Report) -> tuple[Arrival | None, Completion | None]:
        """Return a report's arrival and conversion; none for the report of a replay of the same entry."""
        arrival, converted = self._conversions.get((archive.root, report.archive_id), (None, None))
        is_its_own = converted is not None and converted.reports[0].archived_path == report.archived_path
        return (arrival, converted) if is_its_own else (None, None)

    def take(self, archive: Archive, archive_id: str) -> Completion | None:
        """Return the remembered conversion of an entry, and forget it unless an acceptance is still to be recorded.

        None when a report is not answered.
        """
        key = archive.root, archive_id
        with self._mutex:
            _, converted = self._conversions.pop(key, (None, None))
            converted = self._unrecorded.get(key, converted)
        return converted if converted and converted.is_answered else None

    def take_unrecorded(self, archive: Archive, archive_id: str) -> Report | None:
        """Return the accepted report of an entry that is still to be recorded, and forget it."""
        with self._mutex:
            converted = self._unrecorded.pop((archive.root, archive_id), None)
        return converted.unrecorded if converted else None


def load_completion(archive: Archive, arrival: Arrival) -> Completion:
    """Read back the latest conversion of an arrival; an entry still suspended after its last retry counts as failed."""
    assert arrival.archive_id is not None
    entry, last = archive.entry(arrival.archive_id), archive.last_conversion(arrival.archive_id)
    has_no_retry = entry.conversion_status is ConversionStatus.SUSPENDED
    return Completion(
        entry=entry,
        status=ConversionStatus.FAILED if has_no_retry else entry.conversion_status,
        requested_action=last.post_action if last else None,
        reports=tuple(
            r for r in archive.reports_of(arrival.archive_id) if last and r.conversion_id == last.conversion_id
        ),
    )
