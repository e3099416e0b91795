"""Processing a source without an archive: it is converted and sent, then leaves; until then its reports are in memory.

This applies to converters without ``archive_enabled``, and with ``on_archive_error`` "continue" while the archive fails.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pywats_archive.archive.results import document
from pywats_archive.archive.sources.reading import stamp_of
from pywats_archive.conversion.sending.items import MemoryItem
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.conversion.source_log import log_of
from pywats_archive.errors import SourceVanished, StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState, NextState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import later
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes import relocated
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.ledgers import MemoryLedger
from pywats_archive.pipeline.lanes.vanished import record_vanished
from pywats_archive.pipeline.postprocess import actions, decisions
from pywats_archive.pipeline.postprocess.departing import source_of
from pywats_archive.pipeline.processing import sharing
from pywats_archive.pipeline.processing.converter_calls import ConverterCalls
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.outcomes import log_converted, log_finished, log_suspended, of_result
from pywats_archive.pipeline.waiting.backoff import RetryLater
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unready import empty_result

_SPARE_IDS = uuid.UUID("0d3c9f5e-8a4b-4f0e-9d55-6b1b7f2f8c10")
"""Namespace of ids for reports without one whose source is not archived: the same source always gets the same id."""


@dataclass(kw_only=True, eq=False)
class _Unsent:
    """A converted source whose reports are only in memory, until the server has answered all of them."""

    lane: Lane
    arrival: Arrival
    result: ConversionResult
    open_items: int
    states: list[SubmissionState] = field(default_factory=list)
    reason: str | None = None
    spooled: Path | None = None
    """The folder of the spool that the source goes to, if the archive failed and it is archived later."""
    trouble: str = ""
    """Why it could not be finished at the last try."""


class Passthrough:
    """Processes sources without an archive; safe to use from many threads, one source by one thread at a time."""

    def __init__(
        self,
        calls: ConverterCalls,
        outbox: Outbox,
        *,
        clock: Callable[[], datetime],
        failures: ArchiveFailures,
        spool: Spool,
        counts: RunCounts,
        stuck: Stuck,
    ) -> None:
        self._stuck = stuck
        self._calls = calls
        self._outbox = outbox
        self._now = clock
        self._failures = failures
        self._spool = spool
        self._counts = counts
        self._unsent: dict[str, _Unsent] = {}
        self._unfinished: list[_Unsent] = []
        self._numbers = itertools.count()
        self._mutex = threading.Lock()

    def process(self, lane: Lane, arrival: Arrival, *, must_backfill: bool = False) -> RetryLater | None:
        """Convert a source and queue its reports; it stays in the watch folder until the server has answered them."""
        path = Path(arrival.path)
        if not path.exists():
            if trouble := lane.folder_trouble():
                return RetryLater(reason=str(trouble), needs_operator=True)
            if not must_backfill:
                record_vanished(lane.ledger, arrival, self._failures)
            return None
        if reason := self._why_not_yet(lane, arrival, must_backfill=must_backfill):
            return RetryLater(reason=reason, needs_operator=True)
        known = self._spool.resume(lane.config, arrival) if must_backfill else None
        spooled, result = known or (None, None)
        if result is None:
            result, arrival = self._converted(lane, arrival)
            log_converted(arrival, result, waits_for_server=self._outbox.is_blocked)
        if must_backfill and result.status is ConversionStatus.SUSPENDED:
            return RetryLater(reason=result.error or "suspended", needs_operator=False)
        named = f"{lane.name}\0{arrival.path!r}\0{arrival.size_bytes}\0{arrival.mtime_ns}"
        documents = [
            document.read(body, fixed_id=None, spare_id=uuid.uuid5(_SPARE_IDS, f"{named}\0{ordinal}"))
            for ordinal, body in enumerate(result.documents)
        ]
        result = replace(result, documents=tuple(each.body for each in documents))
        if must_backfill and spooled is None:
            try:  # before anything is sent: after a crash the reports keep their ids
                spooled = self._spool.begin(lane.config, arrival, result, now=self._now())
            except StorageError as exc:
                return RetryLater(reason=str(exc), needs_operator=True)
        unsent = _Unsent(lane=lane, arrival=arrival, result=result, open_items=len(documents), spooled=spooled)
        after = decisions.after_conversion(result, lane.config, attempts=arrival.attempts)
        if after.state is ArrivalState.SUSPENDED and isinstance(lane.ledger, MemoryLedger):
            suspended = _suspended(arrival, after, self._now())
            lane.ledger.put(suspended)
            log_suspended(suspended, result)
            return None
        if not documents:
            self._finish(unsent)
        elif isinstance(lane.ledger, MemoryLedger):
            lane.ledger.change(arrival, ArrivalState.WAITING)
        for each in documents:
            key = f"{lane.name}/{arrival.number}/{next(self._numbers)}"  # a new ledger may repeat the numbers of an old one
            with self._mutex:
                self._unsent[key] = unsent
            self._outbox.offer(
                MemoryItem(
                    key=key, report_id=each.report_id, document=each.body, converter=lane.name, path=arrival.path
                )
            )
        return None

    def _why_not_yet(self, lane: Lane, arrival: Arrival, *, must_backfill: bool) -> str | None:
        if lane.config.converter_type == "folder" and not self._calls.is_ready(lane, arrival):
            return "the folder is not complete yet"
        if must_backfill and arrival.size_bytes == 0:
            return "it is empty; it is skipped once the archive can record that"
        return None

    def _converted(self, lane: Lane, arrival: Arrival) -> tuple[ConversionResult, Arrival]:
        """Convert a source; returns its result, and the arrival, with the source's new stamp if the converter changed it.

        A source that changes during its conversion may be a new one, and is converted again. If it changes again, the
        converter itself changes it: the new stamp is recorded, so that it is not converted for ever.
        """
        path = Path(arrival.path)
        before = _file_stamp(path)
        if (before.size_bytes if before else arrival.size_bytes) == 0:
            return empty_result(), arrival
        if before is not None:  # the listed source may have been replaced since
            arrival = replace(arrival, size_bytes=before.size_bytes, mtime_ns=before.mtime_ns, inode=before.inode)
        result = self._calls.outbid(lane, arrival) or self._calls.convert(lane, path)
        after = _file_stamp(path)
        if before is None or after is None or before == after:
            lane.scan.changed.discard(arrival.path)
        elif arrival.path not in lane.scan.changed:
            lane.scan.changed.add(arrival.path)
        else:
            lane.scan.changed.discard(arrival.path)
            arrival = replace(arrival, size_bytes=after.size_bytes, mtime_ns=after.mtime_ns)
        return result, arrival

    def retry_unfinished(self) -> None:
        """Retry to finish the sources that could not leave their folder."""
        with self._mutex:
            again, self._unfinished = self._unfinished, []
        for unsent in again:
            self._finish(unsent)

    def blockers(self) -> tuple[str, ...]:
        """Return a line for each source that the server has and that cannot leave its folder."""
        with self._mutex:
            return tuple(f"{unsent.arrival.path}: {unsent.trouble}" for unsent in self._unfinished)

    def has_unsent(self, converter: str, arrival_id: int) -> bool:
        """Return whether reports of this arrival are in memory and not answered yet."""
        with self._mutex:
            unsent = (*self._unsent.values(), *self._unfinished)
        return any(h.lane.name == converter and h.arrival.arrival_id == arrival_id for h in unsent)

    def unsent_by_path(self, lane: Lane) -> dict[str, list[Arrival]]:
        """Return the sources whose reports are in memory, by path, as they were read: no scan may count them as new.

        Their folder may have another name by now: converters can be renamed while reports wait.
        """
        with self._mutex:
            unsent = (*self._unsent.values(), *self._unfinished)
            for each in (each for each in unsent if each.lane.name == lane.name and each.lane is not lane):
                if path := relocated.path_for(lane.config.watch_folder, each.arrival):
                    each.lane, each.arrival = lane, replace(each.arrival, path=path)
        found: dict[str, list[Arrival]] = {}
        for each in unsent:
            found.setdefault(each.arrival.path, []).append(each.arrival)
        return found

    def note_answer(self, item: MemoryItem, state: SubmissionState, reason: str | None) -> None:
        with self._mutex:
            unsent = self._unsent.pop(item.key, None)
            if unsent is None:
                return
            unsent.states.append(state)
            unsent.reason = reason if state is SubmissionState.REFUSED else unsent.reason
            unsent.open_items -= 1
        if unsent.open_items == 0:
            self._finish(unsent)

    def _finish(self, unsent: _Unsent) -> None:
        key = unsent.lane.key_of(unsent.arrival)
        try:
            self._end(unsent)
            self._stuck.resolve(key)
        except Exception as exc:  # whatever the error is, the source is known only here
            log_of(unsent.arrival).error("source.finish_failed", reason=str(exc))
            unsent.trouble = str(exc)
            self._stuck.add(key, unsent.lane.ledger, unsent.arrival, exc)
            with self._mutex:
                self._unfinished.append(unsent)

    def _end(self, unsent: _Unsent) -> None:
        lane, arrival, result = unsent.lane, unsent.arrival, unsent.result
        status = ConversionStatus.FAILED if result.status is ConversionStatus.SUSPENDED else result.status
        ending = decisions.ending(
            status,
            unsent.states,
            lane.config,
            requested_action=result.post_action,
            reason=unsent.reason or result.error,
            is_archived=False,
        )
        alone, ending = ending, sharing.end(ending, lane, arrival)
        if lane.folder and lane.is_taken:
            lane.folder.require()
        if unsent.spooled and ending is not alone and ending.destination is decisions.Destination.KEPT:
            self._spool.discard(unsent.spooled, lane.config)  # nothing was sent, and another converter takes it
            unsent.spooled = None
        if unsent.spooled and self._spool.park(unsent.spooled, lane.config, arrival, ending):
            _count(self._counts, unsent, ending, to=str(unsent.spooled))
        elif unsent.spooled:
            if lane.folder:
                lane.folder.require()
            record_vanished(lane.ledger, arrival, self._failures)
            self._spool.discard(unsent.spooled, lane.config)
        else:
            moved = actions.apply(ending, source_of(lane.config, arrival))
            sharing.note_departure(lane, arrival, moved.moved_to)
            lane.ledger.change(arrival, ending.state, reason=ending.reason, moved_to=moved.moved_to)
            _count(self._counts, unsent, ending, to=moved.moved_to)
        lane.scan.active.discard(arrival.number)
        lane.scan.needs_scan = True


def _count(counts: RunCounts, unsent: _Unsent, ending: decisions.Ending, *, to: str | None) -> None:
    """Count and log a source that is finished."""
    counts.count(ending.state)
    outcome = of_result(unsent.result, ending.state, to=to, reason=ending.reason, sent=unsent.states)
    log_finished(unsent.arrival, outcome)


def _file_stamp(path: Path) -> FileStamp | None:
    try:
        return stamp_of(path) if path.is_file() else None
    except SourceVanished:
        return None


def _suspended(arrival: Arrival, after: NextState, now: datetime) -> Arrival:
    return replace(
        arrival,
        state=after.state,
        changed_at=now,
        attempts=after.attempts,
        retry_at=None if after.retry_after is None else later(now, after.retry_after),
        reason=after.reason,
    )
