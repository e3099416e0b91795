"""The way of a source without an archive: converted, sent, then out of the folder; only memory knows of it meanwhile.

So goes every source of a converter without ``archive_enabled``, and any whose archive fails where it is to go on then.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import structlog

from pywats_archive.archive.results import document
from pywats_archive.archive.sources.reading import Signature, signature
from pywats_archive.conversion.sending.items import MemoryItem
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.errors import SourceVanished, StorageError
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes import relocated
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.ledgers import MemoryLedger
from pywats_archive.pipeline.postprocess import actions, decisions
from pywats_archive.pipeline.postprocess.actions import source_of
from pywats_archive.pipeline.processing import sharing
from pywats_archive.pipeline.processing.converter_calls import ConverterCalls, log_result
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.waiting.backoff import RetryLater
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unready import empty_result

log = structlog.get_logger()

_SPARE_IDS = uuid.UUID("0d3c9f5e-8a4b-4f0e-9d55-6b1b7f2f8c10")
"""Namespace of ids for reports without one whose source is not archived: the same source gets the same id again."""


@dataclass(kw_only=True, eq=False)
class _Unsent:
    """A converted source whose reports only memory holds, until the server has them all."""

    lane: Lane
    arrival: Arrival
    result: ConversionResult
    open_parcels: int
    states: list[SubmissionState] = field(default_factory=list)
    reason: str | None = None
    promise: Path | None = None
    """Where the source is to be kept, when the archive could not take it and it is archived later."""
    trouble: str = ""
    """Why it could not be brought to its end the last time."""


class Passthrough:
    """Takes sources through without an archive; safe to use from many threads, one source by one thread at a time."""

    def __init__(
        self,
        calls: ConverterCalls,
        outbox: Outbox,
        *,
        clock: Callable[[], datetime],
        spool: Spool,
        counts: RunCounts,
        stuck: Stuck,
    ) -> None:
        self._stuck = stuck
        self._calls = calls
        self._outbox = outbox
        self._now = clock
        self._spool = spool
        self._counts = counts
        self._held: dict[str, _Unsent] = {}
        self._unfinished: list[_Unsent] = []
        self._numbers = itertools.count()
        self._mutex = threading.Lock()

    def process(self, lane: Lane, arrival: Arrival, *, must_backfill: bool = False) -> RetryLater | None:
        """Convert without an archive: the source stays in the watch folder until the server has its reports."""
        path = Path(arrival.path)
        if not path.exists():
            if trouble := lane.folder_trouble():
                return RetryLater(reason=str(trouble), needs_operator=True)
            if not must_backfill:
                lane.ledger.mark_vanished(arrival)
            return None
        if reason := self._why_not_yet(lane, arrival, must_backfill=must_backfill):
            return RetryLater(reason=reason, needs_operator=True)
        known = self._spool.resume(lane.config, arrival) if must_backfill else None
        promise, result = known or (None, None)
        if result is None:
            result, arrival = self._converted(lane, arrival)
            log_result(lane, "-", result)
        if must_backfill and result.status is ConversionStatus.SUSPENDED:
            return RetryLater(reason=result.error or "suspended", needs_operator=False)
        named = f"{lane.name}\0{arrival.path!r}\0{arrival.size_bytes}\0{arrival.mtime_ns}"
        documents = [
            document.read(body, fixed_id=None, spare_id=uuid.uuid5(_SPARE_IDS, f"{named}\0{ordinal}"))
            for ordinal, body in enumerate(result.documents)
        ]
        result = replace(result, documents=tuple(each.body for each in documents))
        if must_backfill and promise is None:
            try:  # before anything is sent
                promise = self._spool.begin(lane.config, arrival, result, now=self._now())
            except StorageError as exc:
                return RetryLater(reason=str(exc), needs_operator=True)
        held = _Unsent(lane=lane, arrival=arrival, result=result, open_parcels=len(documents), promise=promise)
        after = decisions.after_conversion(result, lane.config, attempts=arrival.attempts, now=self._now())
        if after.state is ArrivalState.SUSPENDED and isinstance(lane.ledger, MemoryLedger):
            lane.ledger.put(
                replace(
                    arrival, state=after.state, attempts=after.attempts, retry_at=after.retry_at, reason=after.reason
                )
            )
            return None
        if not documents:
            self._finish(held)
        elif isinstance(lane.ledger, MemoryLedger):
            lane.ledger.change(arrival, ArrivalState.WAITING)
        for each in documents:
            key = f"{lane.name}/{arrival.number}/{next(self._numbers)}"  # the books may be new ones, and count anew
            with self._mutex:
                self._held[key] = held
            self._outbox.offer(MemoryItem(key=key, report_id=each.report_id, document=each.body, converter=lane.name))
        return None

    def _why_not_yet(self, lane: Lane, arrival: Arrival, *, must_backfill: bool) -> str | None:
        if lane.config.converter_type == "folder" and not self._calls.is_ready(lane, arrival):
            return "the folder is not complete yet"
        if must_backfill and arrival.size_bytes == 0:
            return "it has no bytes; it is skipped once the archive can record that"
        return None

    def _converted(self, lane: Lane, arrival: Arrival) -> tuple[ConversionResult, Arrival]:
        """Convert a source; gives it as the converter leaves it, when that is known to change it.

        What changes meanwhile may be another source, and is converted too. When that one changes as well, it is the
        converter's doing, which would make new sources of it for ever.
        """
        path = Path(arrival.path)
        before = _file_signature(path)
        if (before.size_bytes if before else arrival.size_bytes) == 0:
            return empty_result(), arrival
        if before is not None:  # what was listed may have been replaced since
            arrival = replace(arrival, size_bytes=before.size_bytes, mtime_ns=before.mtime_ns, inode=before.inode)
        result = self._calls.outbid(lane, path) or self._calls.convert(lane, path)
        after = _file_signature(path)
        if before is None or after is None or before == after:
            lane.scan.changed.discard(arrival.path)
        elif arrival.path not in lane.scan.changed:
            lane.scan.changed.add(arrival.path)
        else:
            lane.scan.changed.discard(arrival.path)
            arrival = replace(arrival, size_bytes=after.size_bytes, mtime_ns=after.mtime_ns)
        return result, arrival

    def retry_unfinished(self) -> None:
        """Try again to bring unarchived sources to their end whose folder failed."""
        with self._mutex:
            again, self._unfinished = self._unfinished, []
        for held in again:
            self._finish(held)

    def left(self) -> tuple[str, ...]:
        """Tell in a line each what the server has and what cannot be brought to its end."""
        with self._mutex:
            return tuple(f"{held.arrival.path}: {held.trouble}" for held in self._unfinished)

    def holds(self, lane: Lane, arrival_id: int) -> bool:
        """Tell whether memory holds reports of this arrival that the server has not taken."""
        with self._mutex:
            held = (*self._held.values(), *self._unfinished)
        return any(h.lane.name == lane.name and h.arrival.arrival_id == arrival_id for h in held)

    def lying(self, lane: Lane) -> dict[str, list[Arrival]]:
        """Return the sources whose reports memory holds, by path, as they were read: no new ones, whatever a ledger says.

        They may be another converter's: names and folders can be swapped while reports wait.
        """
        with self._mutex:
            held = (*self._held.values(), *self._unfinished)
            for each in (each for each in held if each.lane.name == lane.name and each.lane is not lane):
                if path := relocated.path_for(lane, each.arrival):
                    each.lane, each.arrival = lane, replace(each.arrival, path=path)
        lying: dict[str, list[Arrival]] = {}
        for each in held:
            lying.setdefault(each.arrival.path, []).append(each.arrival)
        return lying

    def settle(self, parcel: MemoryItem, state: SubmissionState, reason: str | None) -> None:
        with self._mutex:
            held = self._held.pop(parcel.key, None)
            if held is None:
                return
            held.states.append(state)
            held.reason = reason if state is SubmissionState.REFUSED else held.reason
            held.open_parcels -= 1
        if held.open_parcels == 0:
            self._finish(held)

    def _finish(self, held: _Unsent) -> None:
        try:
            self._end(held)
            self._stuck.over(held.lane, held.arrival)
        except Exception as exc:  # whatever it is, only this memory knows of the source
            log.error("source.finish_failed", converter=held.lane.name, path=held.arrival.path, reason=str(exc))
            held.trouble = str(exc)
            self._stuck.note(held.lane, held.arrival, exc)
            with self._mutex:
                self._unfinished.append(held)

    def _end(self, held: _Unsent) -> None:
        lane, arrival, result = held.lane, held.arrival, held.result
        status = ConversionStatus.FAILED if result.status is ConversionStatus.SUSPENDED else result.status
        ending = decisions.ending(
            status,
            held.states,
            lane.config,
            requested_action=result.post_action,
            reason=held.reason or result.error,
            is_archived=False,
        )
        alone, ending = ending, sharing.end(ending, lane, arrival)
        departure = source_of(lane, arrival)
        if lane.folder and lane.is_taken:
            lane.folder.require()
        if held.promise and ending is not alone and ending.destination is decisions.Destination.KEPT:
            self._spool.discard(held.promise, lane.config)  # nothing was sent, and another converter takes it
            held.promise = None
        if held.promise and not actions.is_as_it_was(departure):
            _miss(lane, arrival)
            self._spool.discard(held.promise, lane.config)
        elif held.promise:
            self._spool.park(held.promise, lane.config, arrival, ending)
            self._counts.count(ending.state)
        else:
            departed = actions.apply(ending, departure)
            sharing.note_departure(lane, arrival, departed.moved_to)
            lane.ledger.change(arrival, ending.state, reason=ending.reason, moved_to=departed.moved_to)
            self._counts.count(ending.state)
        lane.scan.active.discard(arrival.number)
        lane.scan.needs_scan = True


def _file_signature(path: Path) -> Signature | None:
    try:
        return signature(path) if path.is_file() else None
    except SourceVanished:
        return None


def _miss(lane: Lane, arrival: Arrival) -> None:
    """Account for a source that is gone or replaced before the archive could take it; what lies there is another one."""
    if lane.folder:
        lane.folder.require()
    lane.ledger.mark_vanished(arrival)
    log.error("source.vanished", converter=lane.name, path=arrival.path)
