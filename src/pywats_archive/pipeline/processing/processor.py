"""Processing one source: it is archived and converted, its reports are archived and queued, then it is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore import source
from pywats_archive.archive.sources import leaving
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.scheduled_document import decode_result
from pywats_archive.conversion.sending.items import ArchivedItem, MemoryItem, OutboxItem
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.conversion.source_log import Origin, log_of
from pywats_archive.errors import (
    ArchiveError,
    CatalogError,
    SourceChanged,
    SourceKnown,
    SourceOpen,
    SourceVanished,
    StorageError,
)
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus, SourceKind
from pywats_archive.models.report import Report, SubmissionState
from pywats_archive.pipeline.alerting.archive_failures import DEFERRED, ArchiveFailures
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes.lane import Attachment, Lane
from pywats_archive.pipeline.lanes.neighbours import Neighbours
from pywats_archive.pipeline.lanes.vanished import record_vanished
from pywats_archive.pipeline.postprocess import decisions
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing.converter_calls import ConverterCalls
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.finishing import Finisher
from pywats_archive.pipeline.processing.in_flight import Completion
from pywats_archive.pipeline.processing.intake import (
    Archived,
    Intake,
    NotArchived,
    bring_back,
    has_changed,
    is_still,
    now_known,
    set_aside,
)
from pywats_archive.pipeline.processing.outcomes import log_converted, log_suspended
from pywats_archive.pipeline.processing.passthrough import Passthrough
from pywats_archive.pipeline.waiting.backoff import RetryLater
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unready import (
    empty_result,
    wait_for_end,
    wait_for_predecessor,
    wait_for_writer,
)
from pywats_archive.portable.scratch import Scratch


class Processor:
    """Processes sources; safe to use from many threads, one source by one thread at a time."""

    def __init__(
        self,
        processes: ConverterProcesses,
        outbox: Outbox,
        *,
        clock: Callable[[], datetime],
        failures: ArchiveFailures,
        spool: Spool,
        counts: RunCounts,
        late_writes: LateWrites,
        stuck: Stuck,
        on_withheld: Callable[[], None],
    ) -> None:
        """``on_withheld`` is called when a report is not sent until a person releases it."""
        self._stuck = stuck
        self._on_withheld = on_withheld
        self._failures = failures
        self._calls = ConverterCalls(processes)
        self.passthrough = Passthrough(
            self._calls, outbox, clock=clock, failures=failures, spool=spool, counts=counts, stuck=stuck
        )
        self._outbox = outbox
        self._intake = Intake(failures)
        self.finisher = Finisher(self._calls, counts=counts, late_writes=late_writes)
        self._neighbours = Neighbours()
        self._scratch = Scratch()

    def archive_several(self, lane: Lane, arrivals: Sequence[Arrival]) -> dict[int, Archived]:
        """Archive new sources together, for ``process``; returns those that are archived now, by their number."""
        return self._intake.archive_several(lane, arrivals)

    def process(
        self, lane: Lane, arrival: Arrival, *, busy: bool = False, archived: Archived | None = None
    ) -> RetryLater | None:
        """Process a source as far as possible; None when it is finished, or waits for the server or for its retry.

        ``archived``: it was archived together with others, just before.
        """
        if arrival.state is ArrivalState.SEEN and (waits := wait_for_writer(lane, arrival)):
            return waits
        if away := lane.away:
            return self._without_archive(lane, arrival, away)
        if lane.attachment is None:
            return self.passthrough.process(lane, arrival)
        try:
            return self._archive_and_convert(lane, lane.attachment, arrival, busy, archived)
        except (SourceVanished, SourceChanged) as exc:
            return self._not_as_it_was(lane, arrival, exc)
        except SourceOpen as exc:
            return wait_for_end(lane.config, str(exc))
        except SourceKnown as exc:
            log_of(arrival).info("source.known_again", reason=str(exc))
            return None
        except NotArchived as exc:
            return self._without_archive(lane, arrival, exc.cause)
        except (StorageError, CatalogError) as exc:
            log_of(arrival).error("source.retry_scheduled", reason=str(exc))
            return RetryLater(reason=str(exc), needs_operator=True)

    def finish(self, lane: Lane, arrival: Arrival) -> None:
        """Finish a source whose reports are all answered."""
        self.finisher.finish(lane, arrival)

    def note_answer(self, item: OutboxItem, state: SubmissionState, reason: str | None) -> Arrival | None:
        """Record that the server accepted or refused a report; returns the arrival that can be finished, if any."""
        if isinstance(item, MemoryItem):
            self.passthrough.note_answer(item, state, reason)
        return self.finisher.note_answer(item, state, reason) if isinstance(item, ArchivedItem) else None

    def _not_as_it_was(self, lane: Lane, arrival: Arrival, exc: SourceVanished | SourceChanged) -> RetryLater | None:
        """Record that a source vanished, or return that it is read again; for an archived one, a companion is missing."""
        known = lane.ledger.get(arrival.number)
        if known is None or known.state.is_final:  # the source left under another arrival
            return None
        state = known.state
        if trouble := lane.folder_trouble():
            return RetryLater(reason=str(trouble), needs_operator=True)
        is_there = leaving.is_there(Path(arrival.path))  # a companion, or a file in a folder, is missing
        if state is not ArrivalState.SEEN or isinstance(exc, SourceChanged) or is_there:
            return RetryLater(reason=str(exc), needs_operator=state is not ArrivalState.SEEN)
        record_vanished(lane.ledger, arrival, self._failures)
        return None

    def _archive_and_convert(
        self, lane: Lane, at: Attachment, arrival: Arrival, busy: bool, archived: Archived | None
    ) -> RetryLater | None:
        arrival = bring_back(lane, arrival)
        if (
            lane.config.converter_type == "folder"
            and not arrival.archive_id
            and not self._calls.is_ready(lane, arrival)
        ):
            return RetryLater(reason="the folder is not complete yet", needs_operator=True)
        has_waited = archived is None and arrival.archive_id is not None
        if archived:
            entry = archived.entry
        else:
            arrival, entry = self._intake.archive(lane, at, arrival, busy)
        if lane.config.is_appended and (predecessor := ledger.unfinished_before(at.archive, arrival)):
            return wait_for_predecessor(predecessor)
        at.archive.reserve.require()  # without space for its reports the conversion would be lost
        is_here = archived is None or is_still(lane, entry, arrival)  # otherwise others would judge what came after it
        outbid = None if has_waited or not is_here else self._calls.outbid(lane, arrival)
        result = outbid or self._convert_entry(lane, at.archive, arrival, entry, has_waited=has_waited)
        result = self._neighbours.with_warning(lane, arrival, result)
        if entry.source_kind is SourceKind.FOLDER:
            self.finisher.note_folder(lane, arrival)
        after = decisions.after_conversion(result, lane.config, attempts=arrival.attempts)
        if result.status is ConversionStatus.SUSPENDED and after.state is not ArrivalState.SUSPENDED:
            result = replace(result, status=ConversionStatus.FAILED, error=after.reason)
        reports = at.interceptor.post_convert(
            entry, result, arrival_id=arrival.arrival_id, next_state=after, busy=busy, append=lane.config.is_appended
        )
        log_converted(arrival, result, waits_for_server=self._outbox.is_blocked)
        for report in (r for r in reports if r.submission_state is SubmissionState.REFUSED):
            log_of(arrival).warning("report.held", report_id=report.report_id, reason=report.last_error)
            self._on_withheld()
        if result.has_hooks:
            self.finisher.note_hooks(lane, arrival, result)
        if after.state is ArrivalState.SUSPENDED:
            set_aside(lane, now_known(lane.ledger, arrival))
            log_suspended(now_known(lane.ledger, arrival), result)
        elif any(report.submission_state is SubmissionState.WAITING for report in reports):
            self._send(at.archive, arrival, entry, result, reports)
        else:
            return self._ended(lane, now_known(lane.ledger, arrival))
        return None

    def _ended(self, lane: Lane, arrival: Arrival) -> RetryLater | None:
        """Finish a source without reports; one that cannot leave its folder is recorded and tried again."""
        try:
            self.finish(lane, arrival)
        except (ArchiveError, OSError) as exc:
            self._stuck.add(lane.key_of(arrival), lane.ledger, arrival, exc)
            log_of(arrival).error("source.finish_failed", reason=str(exc))
            return RetryLater(reason=str(exc), needs_operator=True)
        return None

    def _send(
        self,
        archive: Archive,
        arrival: Arrival,
        entry: ArchiveEntry,
        result: ConversionResult,
        reports: tuple[Report, ...],
    ) -> None:
        """Queue the reports for sending, with their bytes where these were archived unchanged."""
        if len(reports) == 1:
            converted = Completion(
                entry=entry, status=result.status, requested_action=result.post_action, reports=reports
            )
            self.finisher.note_sent(archive, arrival, converted)
        source = Origin(converter_name=entry.converter_name, path=arrival.path, archive_id=entry.archive_id)
        for report, body, summary in zip_longest(reports, result.documents, result.summaries):
            if report.submission_state is not SubmissionState.WAITING:
                continue
            as_given = body if summary and summary.own_id == report.report_id else None
            self._outbox.offer(ArchivedItem(archive=archive, report=report, document=as_given, source=source))

    def _convert_entry(
        self, lane: Lane, archive: Archive, arrival: Arrival, entry: ArchiveEntry, *, has_waited: bool
    ) -> ConversionResult:
        """Convert a source in its watch folder; from its archived copy in a private folder if the source changed since."""
        if entry.source_kind is SourceKind.SCHEDULED:
            return decode_result(archive, entry)
        if arrival.size_bytes == 0:
            return empty_result()
        is_spoiled = arrival.path in lane.scan.changed and bool(entry.source_archived_path)
        is_whole = is_still(lane, entry, arrival) and not (has_waited and has_changed(entry, arrival))
        if not arrival.moved_to and not is_spoiled and is_whole:
            result = self._calls.convert(lane, Path(arrival.path))
            is_gone = not Path(arrival.path).exists()
            if is_still(lane, entry, arrival) or (is_gone and not lane.folder_trouble()):
                return result
            lane.scan.changed.add(arrival.path)
        elif is_spoiled:
            lane.scan.changed.discard(arrival.path)
        if not entry.source_archived_path:
            return ConversionResult(status=ConversionStatus.FAILED, error="the source changed before it was converted")
        with self._scratch.folder() as folder:
            return self._calls.convert(lane, source.restore_source(archive, entry.archive_id, folder))

    def _without_archive(self, lane: Lane, arrival: Arrival, trouble: ArchiveError) -> RetryLater | None:
        """Delay a source that the archive cannot store, or convert it now and archive it later (invariant 11)."""
        log_of(arrival).error("archive.failed", reason=str(trouble))
        if lane.config.on_archive_error == "hold" or lane.is_paused:
            self._failures.add(lane.name, arrival.number, trouble)
            return RetryLater(reason=str(trouble), needs_operator=True)
        self._failures.add(lane.name, DEFERRED, trouble)
        return self.passthrough.process(lane, arrival, must_backfill=True)
