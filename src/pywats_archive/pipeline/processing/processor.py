"""The way of one source: archived, converted, its reports archived and handed to the outbox, then out of the folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.restore import source
from pywats_archive.archive.results.reports import remove_document
from pywats_archive.archive.sources import companions, reading
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.items import ArchivedItem, MemoryItem, OutboxItem
from pywats_archive.conversion.sending.outbox import Outbox
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
from pywats_archive.pipeline.folders.identity import is_as_known, was_replaced
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.neighbours import Neighbours
from pywats_archive.pipeline.postprocess import actions, decisions
from pywats_archive.pipeline.postprocess.actions import departure_of
from pywats_archive.pipeline.postprocess.decisions import REMOVING, Destination
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing import sharing
from pywats_archive.pipeline.processing.converter_calls import ConverterCalls, log_result
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.in_flight import Completion, InFlight, decode_result, load_completion
from pywats_archive.pipeline.processing.passthrough import Passthrough
from pywats_archive.pipeline.waiting.backoff import Key, RetryLater, key
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unready import (
    empty_result,
    require_closed,
    wait_for_end,
    wait_for_former,
    wait_for_writer,
)
from pywats_archive.portable.placing import free_names
from pywats_archive.portable.scratch import Scratch

log = structlog.get_logger()


class _NotArchived(Exception):
    def __init__(self, cause: ArchiveError) -> None:
        self.cause = cause


class Processor:
    """Takes sources through; safe to use from many threads, one source by one thread at a time."""

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
        """``on_withheld`` is called when a report is not sent until a person says so."""
        self._stuck = stuck
        self._on_held = on_withheld
        self._failures = failures
        self._counts = counts
        self._late_writes = late_writes
        self._calls = ConverterCalls(processes)
        self.passthrough = Passthrough(self._calls, outbox, clock=clock, spool=spool, counts=counts, stuck=stuck)
        self._outbox = outbox
        self._now = clock
        self._with_hooks: dict[Key, ConversionResult] = {}
        self._as_converted: dict[Key, reading.Signature] = {}
        """How folders were when they had been converted."""
        self._in_flight = InFlight()
        self._neighbours = Neighbours()
        self._scratch = Scratch()

    def process(self, lane: Lane, arrival: Arrival, *, busy: bool = False) -> RetryLater | None:
        """Take a source as far as it goes now; None when it is settled or waits for the server or for its retry."""
        if arrival.state is ArrivalState.SEEN and (waits := wait_for_writer(lane, Path(arrival.path))):
            return waits
        if lane.away is not None:
            return self._without_archive(lane, arrival, lane.away)
        if lane.archive is None:
            return self.passthrough.process(lane, arrival)
        try:
            return self._take(lane, arrival, busy)
        except (SourceVanished, SourceChanged) as exc:
            return self._not_as_it_was(lane, arrival, exc)
        except SourceOpen as exc:
            return wait_for_end(lane, str(exc))
        except SourceKnown as exc:
            log.info("source.known_again", converter=lane.name, path=arrival.path, reason=str(exc))
            return None
        except _NotArchived as exc:
            return self._without_archive(lane, arrival, exc.cause)
        except (StorageError, CatalogError) as exc:
            log.error("source.retry_scheduled", converter=lane.name, path=arrival.path, reason=str(exc))
            return RetryLater(reason=str(exc), needs_operator=True)

    def _not_as_it_was(self, lane: Lane, arrival: Arrival, exc: SourceVanished | SourceChanged) -> RetryLater | None:
        """A source that is not archived yet is gone, or is read again; of an archived one a companion was meant."""
        known = lane.ledger.get(arrival.number)
        if known is None or known.state.is_final:  # what was seen left as the source of another arrival
            return None
        state = known.state
        if trouble := lane.folder_trouble():
            return RetryLater(reason=str(trouble), needs_operator=True)
        is_there = os.path.lexists(arrival.path)  # what is gone is a companion, or a file in a folder
        if state is not ArrivalState.SEEN or isinstance(exc, SourceChanged) or is_there:
            return RetryLater(reason=str(exc), needs_operator=state is not ArrivalState.SEEN)
        lane.ledger.mark_vanished(arrival)
        self._failures.resolve(lane.name, arrival.number)
        log.error("source.vanished", converter=lane.name, path=arrival.path)
        return None

    def _take(self, lane: Lane, arrival: Arrival, busy: bool) -> RetryLater | None:
        assert lane.archive is not None and lane.interceptor is not None
        arrival = self._brought_back(lane, arrival)
        if (
            lane.config.converter_type == "folder"
            and not arrival.archive_id
            and not self._calls.is_ready(lane, arrival)
        ):
            return RetryLater(reason="the folder is not complete yet", needs_operator=True)
        has_waited = arrival.archive_id is not None
        arrival, entry = self._archived(lane, arrival, busy)
        if lane.config.is_appended and (former := ledger.unfinished_before(lane.archive, arrival)):
            return wait_for_former(lane, former)
        lane.archive.reserve.require()  # without room for its reports it would be converted in vain
        outbid = None if has_waited else self._calls.outbid(lane, Path(arrival.path))
        result = outbid or self._convert_entry(lane, arrival, entry, has_waited=has_waited)
        result = self._neighbours.told(lane, arrival.path, result)
        if entry.source_kind is SourceKind.FOLDER:
            with suppress(SourceVanished, OSError):
                self._as_converted[key(lane, arrival)] = reading.signature(Path(arrival.path))
        after = decisions.after_conversion(result, lane.config, attempts=arrival.attempts, now=self._now())
        if result.status is ConversionStatus.SUSPENDED and after.state is not ArrivalState.SUSPENDED:
            result = replace(result, status=ConversionStatus.FAILED, error=after.reason)
        reports = lane.interceptor.post_convert(
            entry, result, arrival_id=arrival.arrival_id, next_state=after, busy=busy, append=lane.config.is_appended
        )
        log_result(lane, entry.archive_id, result)
        for report in (r for r in reports if r.submission_state is SubmissionState.REFUSED):
            log.warning(
                "report.held", report_id=report.report_id, archive_id=entry.archive_id, reason=report.last_error
            )
            self._on_held()
        if result.has_hooks:
            self._with_hooks[key(lane, arrival)] = result
        if after.state is ArrivalState.SUSPENDED:
            self._set_aside(lane, self._now_known(lane, arrival))
        elif any(report.submission_state is SubmissionState.WAITING for report in reports):
            self._send(lane, arrival, entry, result, reports)
        else:
            return self._ended(lane, self._now_known(lane, arrival))
        return None

    def _ended(self, lane: Lane, arrival: Arrival) -> RetryLater | None:
        """Finish a source that has no reports; one that cannot leave its folder is noted and tried again."""
        try:
            self.finish(lane, arrival)
        except (ArchiveError, OSError) as exc:
            self._stuck.note(lane, arrival, exc)
            log.error("source.finish_failed", converter=lane.name, path=arrival.path, reason=str(exc))
            return RetryLater(reason=str(exc), needs_operator=True)
        return None

    def _send(
        self, lane: Lane, arrival: Arrival, entry: ArchiveEntry, result: ConversionResult, reports: tuple[Report, ...]
    ) -> None:
        """Hand the reports to the outbox, with the bytes of those that were archived as the converter gave them."""
        assert lane.archive is not None
        if len(reports) == 1:
            converted = Completion(
                entry=entry, status=result.status, requested_action=result.post_action, reports=reports
            )
            self._in_flight.remember(lane.archive, arrival, converted)
        for report, body, summary in zip_longest(reports, result.documents, result.summaries):
            if report.submission_state is not SubmissionState.WAITING:
                continue
            as_given = body if summary and summary.own_id == report.report_id else None
            self._outbox.offer(ArchivedItem(archive=lane.archive, report=report, document=as_given))

    def finish(self, lane: Lane, arrival: Arrival) -> None:
        """Post-process a source of which nothing waits for the server any more, and close its account."""
        assert lane.archive is not None and arrival.archive_id is not None
        converted = self._in_flight.take(lane.archive, arrival.archive_id) or load_completion(lane.archive, arrival)
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
        departure = departure_of(lane, arrival, entry)
        if lane.folder and (lane.is_taken or not os.path.lexists(departure.path)):
            lane.folder.require()
        if ending.destination is not Destination.KEPT and not arrival.moved_to:
            require_closed(lane, departure.path, is_removed=ending.destination in REMOVING)
        came_late, looked = self._late_writes.keep_members(
            lane, arrival, entry, departure.path, as_converted=self._as_converted.pop(key(lane, arrival), None)
        )
        departed = actions.carry_out(ending, departure)
        if departed.lies_at:
            self._late_writes.note(lane, arrival, entry, departed, looked)
        if departed.is_replaced:
            ending = own  # nobody else can have it any more
            log.warning("source.replaced", converter=lane.name, path=arrival.path, archive_id=entry.archive_id)
        elif departed.moved_to:
            lane.scan.changed.discard(arrival.path)
        if not lane.config.archive_output_reports:
            for report in (r for r in reports if r.submission_state is SubmissionState.ACCEPTED):
                remove_document(lane.archive, report)
        reason = "; ".join(filter(None, (ending.reason, came_late, departed.note))) or None
        if not departed.is_replaced:
            sharing.note_departure(lane, arrival, departed.moved_to)
        stays = ending.state is ArrivalState.DONE and departed.moved_to is None
        lane.ledger.change(
            arrival,
            ending.state,
            reason=reason,
            moved_to=departed.moved_to,
            kept_checksum=entry.source_checksum if stays else None,
            touched=None if arrival.moved_to else departed.touched,
        )
        self._counts.count(ending.state)
        log.info(
            "source.finished", converter=lane.name, path=arrival.path, state=ending.state.value, to=departed.moved_to
        )
        if with_hooks := self._with_hooks.pop(key(lane, arrival), None):
            self._calls.call_hooks(lane, arrival, with_hooks)

    def settled(self, parcel: OutboxItem, state: SubmissionState, reason: str | None) -> Arrival | None:
        """Take note of a report that the server took or refused; gives the arrival whose reports are all settled, if so."""
        if isinstance(parcel, MemoryItem):
            self.passthrough.settle(parcel, state, reason)
        if not isinstance(parcel, ArchivedItem):
            return None
        if arrival := self._in_flight.settle(parcel.archive, parcel.report, state, reason):
            return arrival
        reports = parcel.archive.reports_of(parcel.report.archive_id)
        is_open = any(r.submission_state is SubmissionState.WAITING for r in reports)
        return None if is_open else ledger.of_entry(parcel.archive, parcel.report.archive_id)

    @staticmethod
    def _now_known(lane: Lane, arrival: Arrival) -> Arrival:
        return lane.ledger.get(arrival.number) or arrival

    def _taken_in(self, lane: Lane, arrival: Arrival, busy: bool) -> tuple[Arrival, ArchiveEntry]:
        """Archive a source that was only seen, as it lies there now; gives its arrival as it is then."""
        assert lane.interceptor is not None
        _, now = look = reading.look_at(Path(arrival.path))
        if was_replaced(arrival, now):
            raise SourceChanged(f"{arrival.path}: another source lies in its place")  # the next scan misses it
        entry = lane.interceptor.pre_convert(
            Path(arrival.path),
            arrival_id=arrival.arrival_id,
            busy=busy,
            look=look,
            is_repeated=arrival.path in lane.scan.repeated,
        )
        lane.scan.repeated.discard(arrival.path)
        known = replace(
            arrival,
            state=ArrivalState.CONVERTING,
            archive_id=entry.archive_id,
            size_bytes=now.size_bytes,
            mtime_ns=now.mtime_ns,
            inode=now.inode,
            ctime_ns=now.ctime_ns,
        )
        lane.scan.archived.append(known)
        return known, entry

    @staticmethod
    def _brought_back(lane: Lane, arrival: Arrival) -> Arrival:
        """Bring a source back that was set aside in Pending; while another one has its name it stays there.

        It also stays there when its watch folder is another converter's by now, which would take it as new. The ledger has it
        on its way first: what comes back must not look like another source.
        """
        if arrival.state is not ArrivalState.SUSPENDED and not arrival.moved_to:
            return arrival
        path, held = Path(arrival.path), _held(lane, arrival)
        if held is None:
            return replace(arrival, moved_to=None)
        lane.ledger.change(arrival, ArrivalState.CONVERTING, moved_to=str(held))
        is_back = path.parent == Path(lane.config.watch_folder) and actions.bring_back(held, path)
        return replace(arrival, moved_to=None if is_back else str(held))

    def _archived(self, lane: Lane, arrival: Arrival, busy: bool) -> tuple[Arrival, ArchiveEntry]:
        """Archive a source, if it is not yet; gives it as the ledger has it then."""
        assert lane.archive is not None and lane.interceptor is not None
        entry = lane.archive.entry(arrival.archive_id) if arrival.archive_id else None
        is_recovered = entry is not None and arrival.state is ArrivalState.ARCHIVED
        if entry and not (is_recovered and _is_still(entry, arrival)):
            lane.ledger.change(arrival, ArrivalState.CONVERTING, moved_to=arrival.moved_to)
            return self._now_known(lane, arrival), entry
        if entry is None and lane.mount and (trouble := lane.mount.disk.trouble()):
            raise _NotArchived(trouble)
        try:
            if entry is None:
                arrival, entry = self._taken_in(lane, arrival, busy)
            else:  # what a crash left without its companions
                path, number = Path(arrival.path), arrival.arrival_id
                entry = lane.interceptor.pre_convert(path, arrival_id=number, busy=busy)
                arrival = self._now_known(lane, arrival)
        except (SourceVanished, SourceChanged):
            raise
        except (StorageError, CatalogError) as exc:
            raise _NotArchived(exc) from exc
        except OSError as exc:
            raise _NotArchived(StorageError(f"{arrival.path}: cannot be archived ({exc.strerror or exc})")) from exc
        self._failures.resolve(lane.name, arrival.number)
        return arrival, entry

    def _convert_entry(
        self, lane: Lane, arrival: Arrival, entry: ArchiveEntry, *, has_waited: bool
    ) -> ConversionResult:
        """Convert where the source lies; in a private folder when what lies there is not, or no longer, what was archived."""
        assert lane.archive is not None
        if entry.source_kind is SourceKind.SCHEDULED:
            return decode_result(lane.archive, entry)
        if arrival.size_bytes == 0:
            return empty_result()
        is_spoiled = arrival.path in lane.scan.changed and bool(entry.source_archived_path)
        is_whole = _is_still(entry, arrival) and not (has_waited and _has_changed(entry, arrival))
        if not arrival.moved_to and not is_spoiled and is_whole:
            result = self._calls.convert(lane, Path(arrival.path))
            is_gone = not Path(arrival.path).exists()
            if _is_still(entry, arrival) or (is_gone and not lane.folder_trouble()):
                return result
            lane.scan.changed.add(arrival.path)
        elif is_spoiled:
            lane.scan.changed.discard(arrival.path)
        if not entry.source_archived_path:
            return ConversionResult(status=ConversionStatus.FAILED, error="the source changed before it was converted")
        with self._scratch.folder() as folder:
            return self._calls.convert(lane, source.restore_source(lane.archive, entry.archive_id, folder))

    def _set_aside(self, lane: Lane, arrival: Arrival) -> None:
        path = Path(arrival.moved_to or arrival.path)
        if arrival.moved_to or not path.exists():
            lane.ledger.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=arrival.moved_to)
            return
        if not actions.is_as_it_was(
            departure_of(lane, arrival)
        ):  # another source has its place; it waits in the archive
            lane.ledger.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason)
            return
        held = actions.move_into(Path(lane.config.pending_folder), path)
        lane.ledger.change(arrival, ArrivalState.SUSPENDED, reason=arrival.reason, moved_to=str(held))

    def _without_archive(self, lane: Lane, arrival: Arrival, trouble: ArchiveError) -> RetryLater | None:
        """The archive cannot take the source: it waits where it is, or is converted and owed to the archive (invariant 11)."""
        log.error("archive.failed", converter=lane.name, path=arrival.path, reason=str(trouble))
        if lane.config.on_archive_error == "hold" or lane.is_paused:
            self._failures.add(lane.name, arrival.number, trouble)
            return RetryLater(reason=str(trouble), needs_operator=True)
        self._failures.add(lane.name, DEFERRED, trouble)
        return self.passthrough.process(lane, arrival, must_backfill=True)


def _held(lane: Lane, arrival: Arrival) -> Path | None:
    """Find a suspended source in Pending; a crash may have come before it was put on record under which name."""
    if arrival.moved_to:
        return Path(arrival.moved_to) if os.path.lexists(arrival.moved_to) else None
    for name in free_names(Path(arrival.path).name):
        held = Path(lane.config.pending_folder, name)
        if not os.path.lexists(held):
            return None
        now = reading.signature(held)
        if held.is_dir() or (now.size_bytes, now.mtime_ns) == (arrival.size_bytes, arrival.mtime_ns):
            return held
    raise AssertionError("unreachable: names never run out")


def _reason_of(entry: ArchiveEntry, arrival: Arrival) -> str | None:
    """Why it ends as it does; one that could not leave its folder has that for its reason in the ledger."""
    return entry.conversion_error if arrival.state is ArrivalState.STUCK else arrival.reason


def _is_still(entry: ArchiveEntry, arrival: Arrival) -> bool:
    path = Path(arrival.path)
    try:
        now = reading.signature(path)
    except SourceVanished:
        return False
    is_as_archived = (now.mtime_ns, now.size_bytes) == (entry.source_mtime_ns, entry.source_size_bytes)
    return path.is_dir() or (is_as_archived and is_as_known(arrival, now))


def _has_changed(entry: ArchiveEntry, arrival: Arrival) -> bool:
    """Tell whether a folder, or a companion, is not what was archived: a source that waited may find those of the next one."""
    path = Path(arrival.path)
    try:
        now = reading.signature(path)
        mark = (now.size_bytes, now.mtime_ns)
        if entry.source_kind is SourceKind.FOLDER and mark != (arrival.size_bytes, arrival.mtime_ns):
            return True
        beside = ((each, path.parent / each.name) for each in entry.companions)
        return not all(companions.is_same(file, each) for each, file in beside)
    except (OSError, ArchiveError):
        return True
