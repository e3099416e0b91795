"""Finishing an archived source: its reports are answered, so it leaves the watch folder, and the ledger records its end."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import submissions
from pywats_archive.archive.results.reports import remove_document
from pywats_archive.archive.sources import reading
from pywats_archive.conversion.sending.items import ArchivedItem
from pywats_archive.conversion.source_log import log_of
from pywats_archive.errors import ArchiveError, SourceVanished
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.lanes.key import Key
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.postprocess import actions, decisions
from pywats_archive.pipeline.postprocess.decisions import REMOVING, Destination
from pywats_archive.pipeline.postprocess.departing import source_of
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing import sharing
from pywats_archive.pipeline.processing.converter_calls import ConverterCalls
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.in_flight import Completion, InFlight, load_completion
from pywats_archive.pipeline.processing.outcomes import log_finished, of_entry
from pywats_archive.pipeline.waiting.unready import require_closed


class Finisher:
    """Finishes sources; safe to use from many threads, one source by one thread at a time."""

    def __init__(self, calls: ConverterCalls, *, counts: RunCounts, late_writes: LateWrites) -> None:
        self._calls = calls
        self._counts = counts
        self._late_writes = late_writes
        self._in_flight = InFlight()
        self._with_hooks: dict[Key, ConversionResult] = {}
        self._as_converted: dict[Key, FileStamp] = {}
        """The stamps of folder sources right after their conversion."""

    def note_folder(self, lane: Lane, arrival: Arrival) -> None:
        """Record the stamp of a folder source right after its conversion: a later change is a late write."""
        with suppress(SourceVanished, OSError):
            self._as_converted[lane.key_of(arrival)] = reading.stamp_of(Path(arrival.path))

    def note_hooks(self, lane: Lane, arrival: Arrival, result: ConversionResult) -> None:
        """Record that the converter's hook is to be called when its source has left."""
        self._with_hooks[lane.key_of(arrival)] = result

    def note_sent(self, archive: Archive, arrival: Arrival, completion: Completion) -> None:
        """Remember a conversion with one report, so that it need not be read back."""
        self._in_flight.remember(archive, arrival, completion)

    def note_answer(self, item: ArchivedItem, state: SubmissionState, reason: str | None) -> Arrival | None:
        """Record the server's answer to a report; returns the arrival if all its reports are answered."""
        if arrival := self._in_flight.note_answer(item.archive, item.report, state, reason):
            return arrival
        reports = item.archive.reports_of(item.report.archive_id)
        is_open = any(r.submission_state is SubmissionState.WAITING for r in reports)
        return None if is_open else ledger.of_entry(item.archive, item.report.archive_id)

    def arrival_of(self, item: ArchivedItem) -> Arrival | None:
        """Return the arrival whose only report this is, if its conversion is remembered."""
        return self._in_flight.arrival_of(item.archive, item.report)

    def accept(self, item: ArchivedItem) -> bool:
        """Keep the server's acceptance until ``finish`` or ``record_accepted``; False if it must be recorded now."""
        accepted = submissions.tried(item.archive, item.report, state=SubmissionState.ACCEPTED)
        return self._in_flight.accept(item.archive, accepted)

    def record_accepted(self, item: ArchivedItem) -> None:
        """Record the acceptance of a report whose source could not be finished."""
        if accepted := self._in_flight.take_unrecorded(item.archive, item.report.archive_id):
            item.archive.write(submissions.recording(item.archive, accepted))

    def finish(self, lane: Lane, arrival: Arrival) -> None:
        """Post-process a source whose reports are all answered, and record its end."""
        at = lane.attachment
        assert at is not None and arrival.archive_id is not None
        converted = self._in_flight.take(at.archive, arrival.archive_id) or load_completion(at.archive, arrival)
        entry, reports = converted.entry, converted.reports
        refusal = next((r.last_error for r in reports if r.submission_state is SubmissionState.REFUSED), None)
        own = decisions.ending(
            converted.status,
            [report.submission_state for report in reports],
            lane.config,
            requested_action=converted.requested_action,
            reason=refusal or _reason_of(entry, arrival),
            is_archived=bool(entry.source_archived_path),
        )
        ending = sharing.end(own, lane, arrival)
        source = source_of(lane.config, arrival, lane.archive, entry)
        if lane.folder and (lane.is_taken or not os.path.lexists(source.path)):
            lane.folder.require()
        if ending.destination is not Destination.KEPT and not arrival.moved_to:
            require_closed(lane, source.path, arrival.archive_id, is_removed=ending.destination in REMOVING)
        came_late, compared = self._late_writes.archive_changed_folder(
            lane, arrival, entry, source.path, as_converted=self._as_converted.pop(lane.key_of(arrival), None)
        )
        moved = actions.apply(ending, source)
        if moved.lies_at:
            self._late_writes.remember(lane, arrival, entry, moved, compared)
        if moved.is_replaced:
            ending = own  # the source is gone, so no other converter can take it
            log_of(arrival).warning("source.replaced")
        elif moved.moved_to:
            lane.scan.changed.discard(arrival.path)
        if not lane.config.archive_output_reports:
            converted = self._without_documents(at.archive, converted)
        reason = "; ".join(filter(None, (ending.reason, came_late, moved.note))) or None
        if not moved.is_replaced:
            sharing.note_departure(lane, arrival, moved.moved_to)
        stays = ending.state is ArrivalState.DONE and moved.moved_to is None
        ledger.set_arrival(
            at.archive,
            arrival.number,
            ending.state,
            reason=reason,
            moved_to=moved.moved_to,
            kept_checksum=entry.source_checksum if stays else None,
            touched=None if arrival.moved_to else moved.touched,
            also=submissions.recording(at.archive, converted.unrecorded) if converted.unrecorded else None,
        )
        self._in_flight.take_unrecorded(at.archive, arrival.archive_id)
        self._counts.count(ending.state)
        with suppress(ArchiveError):  # its warnings are complete in the catalog alone
            entry = at.archive.entry(entry.archive_id)
        sent = [report.submission_state for report in reports]
        log_finished(arrival, of_entry(entry, ending.state, to=moved.moved_to, reason=reason, sent=sent))
        if with_hooks := self._with_hooks.pop(lane.key_of(arrival), None):
            self._calls.call_hooks(lane, arrival, with_hooks)

    def _without_documents(self, archive: Archive, converted: Completion) -> Completion:
        """Remove the documents of accepted reports; each acceptance is on record before, for a waiting report needs its own."""
        if converted.unrecorded:  # a reload turned ``archive_output_reports`` off since the server's answer
            archive.write(submissions.recording(archive, converted.unrecorded))
            self._in_flight.take_unrecorded(archive, converted.entry.archive_id)
        for report in (r for r in converted.reports if r.submission_state is SubmissionState.ACCEPTED):
            remove_document(archive, report)
        return replace(converted, unrecorded=None)


def _reason_of(entry: ArchiveEntry, arrival: Arrival) -> str | None:
    """Return why a source ends as it does; for a stuck one the ledger has only the reason why it could not leave."""
    return entry.conversion_error if arrival.state is ArrivalState.STUCK else arrival.reason
