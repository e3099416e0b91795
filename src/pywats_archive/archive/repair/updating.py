"""Entries of a copy of the catalog, brought up to what the blobs and the decision logs say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pywats_archive.archive.audit import inventory
from pywats_archive.archive.audit.inventory import Holding
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.folder.role import metadata_in_place
from pywats_archive.archive.repair import followed
from pywats_archive.archive.repair.adoption import companions_of, further, report_of
from pywats_archive.archive.repair.decided import Decided
from pywats_archive.archive.repair.filling import content_of, problem_at, remove_remaining
from pywats_archive.archive.results import conversions
from pywats_archive.archive.results.current import current_of
from pywats_archive.catalog import arrivals, entries, erasing, events, purges, reports
from pywats_archive.catalog import conversions as conversion_rows
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import ArchiveError, BlobDamaged, BlobMissing, UsageError
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import Problem, ProblemKind
from pywats_archive.models.report import FOLLOWED, GONE, IMPORTED, ROLLED_BACK, Report, SubmissionState
from pywats_archive.models.retention.purge import PurgeReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Where an entry of the copy differs from the files and the decision logs."""

    is_purged: bool = False
    """It was purged after the copy was made."""
    unknown: tuple[str, ...] = ()
    """Blobs without a row."""
    missing: tuple[str, ...] = ()
    """Rows without a blob."""


def difference(holding: Holding, *, is_purged: bool) -> Difference:
    """Compare an entry of the copy with its files. Pure."""
    if is_purged or holding.is_purged:
        return Difference(is_purged=is_purged and not holding.is_purged)
    files, recorded = frozenset(holding.files), holding.recorded_paths
    return Difference(
        unknown=tuple(path for path in holding.files if path not in recorded), missing=tuple(sorted(recorded - files))
    )


class Updating:
    """Updates one entry of the copy after the other, and counts what it did."""

    def __init__(self, archive: Archive, before: Decided) -> None:
        self._archive = archive
        self._before = before
        self._moment = archive.now()
        self.reports = self.companions = self.purged = self.completed = 0

    def update(self, holding: Holding) -> Sequence[Problem]:
        """Update an entry; returns its problems, which do not stop the rebuild."""
        self.reports += len(holding.reports)
        if holding.faults or holding.entry is None:
            self._end_if_followed(holding)
            return [self._invalid(holding)]
        self.companions += len({each.archived_path for each in holding.entry.companions})
        is_purged = self._before.is_purged(holding.archive_id)
        found = difference(holding, is_purged=is_purged)
        if is_purged or holding.is_purged:
            if found.is_purged:
                self._mark_purged(holding.archive_id)
            if holding.archive_id in self._before.noted_erased:
                self._archive.write(lambda tx: self._mark_erased(tx, holding.archive_id))
            return remove_remaining(self._archive, holding) if holding.files else ()
        problems = [*self._missing(holding, found.missing), *self._add(holding, found.unknown)]
        self._roll_back(holding.archive_id)
        return problems

    def _mark_purged(self, archive_id: str) -> None:
        at = self._before.purged_at(archive_id) or self._moment

        def unit(tx: Connection) -> None:
            purges.mark_noted(tx, archive_id, at=at)
            arrival = arrivals.of_entry(tx, archive_id)
            if arrival and arrival.arrival_id and not arrival.state.is_final:
                arrivals.change(tx, arrival.arrival_id, state=ArrivalState.DONE, now=self._moment)
            details = {"noted_at": at.isoformat(), "reason": "unknown"}
            events.append(tx, Event(kind="entry.purged", at=self._moment, archive_id=archive_id, details=details))

        self._archive.write(unit)
        self.purged += 1

    def _mark_erased(self, tx: Connection, archive_id: str) -> None:
        """Record that the texts of an entry are still to be erased, unless the copy was made after that."""
        for name in purges.by_converter(tx, [archive_id]):
            number = purges.begin(tx, name, PurgeReason.ERASED, actor="service", now=self._moment)
            if not erasing.mark(tx, number, [archive_id], now=self._moment):
                purges.finish(tx, number, self._moment)

    def _end_if_followed(self, holding: Holding) -> None:
        """Send nothing of an entry whose rows are invalid if it has reports that the copy does not know."""
        known = {report.archived_path for report in holding.reports}
        if any(path not in known for path in holding.files if _is_report(path)):
            self._archive.write(lambda tx: reports.withhold_all(tx, holding.archive_id, reason=FOLLOWED))

    def _missing(self, holding: Holding, paths: Sequence[str]) -> list[Problem]:
        removed = inventory.removed_on_record(self._archive, holding.archive_id) if paths else frozenset()
        waiting = {each.archived_path: each for each in holding.reports if self._is_waiting_and_gone(each)}
        return [self._missing_at(path, holding.archive_id, waiting.get(path)) for path in paths if path not in removed]

    def _is_waiting_and_gone(self, report: Report) -> bool:
        """Whether a waiting report has no blob to send: if reports are not kept, the blob is removed once it is accepted."""
        if report.submission_state is not SubmissionState.WAITING:
            return False
        try:
            (self._archive.root / report.archived_path).lstat()
        except OSError as exc:
            return isinstance(exc, FileNotFoundError)  # after any other error it may exist
        return False

    def _missing_at(self, path: str, archive_id: str, waiting: Report | None) -> Problem:
        message = f"{self._archive.root / path}: the blob is missing; restore this file from a backup"
        if waiting:
            self._archive.write(lambda tx: reports.withhold(tx, waiting, reason=GONE))
            message += ". Its report waited, and may have been sent; to send it again, replay the entry"
        return problem_at(ProblemKind.BLOB_MISSING, path, message, archive_id)

    def _invalid(self, holding: Holding) -> Problem:
        fault = next(iter(holding.faults), "its row is missing")
        message = f"{self._archive.root}: {holding.archive_id} in the copy of the catalog is invalid ({fault})"
        return problem_at(ProblemKind.CATALOG_DAMAGED, "", message, holding.archive_id)

    def _add(self, holding: Holding, paths: Sequence[str]) -> list[Problem]:
        """Add reports and companions that were archived after the copy was made."""
        problems, found, unread = list[Problem](), list[Report](), list[Problem]()
        for path in paths:
            try:
                report = self._added(holding, path, unread)
                found += [report] if report else []
            except Exception as exc:
                if isinstance(exc, ArchiveError) and not isinstance(exc, BlobDamaged | BlobMissing | UsageError):
                    raise
                message = f"{self._archive.root / path}: cannot be added ({exc}); restore this file from a backup"
                problems.append(problem_at(ProblemKind.HEADER_DAMAGED, path, message, holding.archive_id))
        if any(_is_report(each.path) for each in problems):
            self._archive.write(lambda tx: followed.end(tx, holding.archive_id, now=self._moment))
        self._show(holding.archive_id, found)
        self.completed += len(problems) < len(paths)
        return [*problems, *unread]

    def _added(self, holding: Holding, path: str, unread: list[Problem]) -> Report | None:
        """Read one blob; companions are added at once, a report is returned, even if its content is damaged."""
        metadata = metadata_in_place(path, self._archive.blobs.label(path).metadata)
        if metadata["archive_id"] != holding.archive_id:
            raise BlobDamaged(f"says that it belongs to {metadata['archive_id']}")
        if metadata["kind"] == "companions":
            self._add_companions(path, metadata)
            return None
        if metadata["kind"] != "report":
            raise BlobDamaged("is a second source of its entry")
        chunks = self._archive.blobs.read(path)
        content, problem = content_of(self._archive, path, holding.archive_id, metadata, chunks)
        unread += [problem] if problem else []
        return report_of(self._archive, path, metadata, content, self._archive.blobs.sizes(path))

    def _add_companions(self, path: str, metadata: dict[str, Any]) -> None:
        found = companions_of(self._archive, path, metadata)
        disk = self._archive.blobs.disk_size(path)

        def unit(tx: Connection) -> bool:
            entry = entries.get(tx, metadata["archive_id"])
            new = further(entry, found)
            if new:  # else the next recovery removes it
                entries.set_companions(tx, entry.archive_id, (*entry.companions, *new), disk_size_bytes=disk)
            return bool(new)

        self.companions += self._archive.write(unit)

    def _show(self, archive_id: str, found: Sequence[Report]) -> None:
        """Add reports, not to be sent; the entry shows the last ones of them, unless they were rolled back."""
        if not found:
            return
        gone = self._before.rolled_back(archive_id)
        void = [replace(each, last_error=ROLLED_BACK) for each in found if each.archived_path in gone]
        live = [each for each in found if each.archived_path not in gone]
        made = [each for each in live if each.last_error != IMPORTED]
        first = max((n for n, report in enumerate(made) if report.ordinal == 1), default=0)

        def unit(tx: Connection) -> None:
            for report in (*void, *live):
                reports.add(tx, report)
            if not made and entries.get(tx, archive_id).is_as_imported:
                entries.show_reports(tx, archive_id, reports.of_entry(tx, archive_id))
            if made:
                entries.set_rebuilt(tx, archive_id, self._moment, shown_as_of=self._own_moment(tx, archive_id))
                entries.show_reports(tx, archive_id, made[first:])
            followed.end(tx, archive_id, now=self._moment)

        self._archive.write(unit)
        self.reports += len(found)

    def _own_moment(self, tx: Connection, archive_id: str) -> datetime:
        """Return the moment of the rebuild, or the next one that no conversion of the entry has."""
        taken = {each.started_at for each in conversion_rows.of_entry(tx, archive_id)}
        at = self._moment
        while at in taken:
            at += timedelta(microseconds=1)
        return at

    def _roll_back(self, archive_id: str) -> None:
        """Show the earlier conversion of an entry that was rolled back after the copy was made."""
        gone = self._before.rolled_back(archive_id)
        if gone:
            self._archive.write(lambda tx: self._show_earlier(tx, archive_id, gone))

    def _show_earlier(self, tx: Connection, archive_id: str, gone: frozenset[str]) -> None:
        now = current_of(tx, archive_id)
        shown = now.conversion
        if shown is None or not any(report.archived_path in gone for report in now.reports):
            return
        every = reports.of_entry(tx, archive_id)
        void = {report.conversion_id for report in every if report.archived_path in gone}
        before = [c for c in now.past if c.attempt < shown.attempt and c.conversion_id not in void]
        if not before:
            return
        for report in now.reports:
            if report.submission_state is SubmissionState.WAITING:
                reports.withhold(tx, report, reason=ROLLED_BACK)
        again = [each for each in every if each.conversion_id == before[-1].conversion_id]
        conversions.show(tx, self._archive, before[-1], again)
        details = {"from_attempt": shown.attempt, "to_attempt": before[-1].attempt}
        event = Event(kind="conversion.set_back", at=self._moment, archive_id=archive_id, details=details)
        events.append(tx, event)


def _is_report(path: str) -> bool:
    return path.startswith(f"{layout.REPORTS}/")
