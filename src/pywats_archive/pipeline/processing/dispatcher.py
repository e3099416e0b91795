"""The work of the threads: each source is processed and finished by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from pywats_archive.conversion.sending.items import ArchivedItem, OutboxItem
from pywats_archive.conversion.source_log import log_of
from pywats_archive.errors import ArchiveError, ConversionInterrupted, ConverterUnavailable, SourceOpen
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.lanes.key import Key
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.lanes.ledgers import Ledger
from pywats_archive.pipeline.postprocess.late_writes import DepartedSource
from pywats_archive.pipeline.processing import groups
from pywats_archive.pipeline.processing.groups import Groups, Waiting
from pywats_archive.pipeline.processing.intake import Archived
from pywats_archive.pipeline.processing.processor import Processor
from pywats_archive.pipeline.processing.work_queue import URGENT, WorkQueue
from pywats_archive.pipeline.waiting.backoff import Backoff, RetryLater
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unexpected import Unexpected
from pywats_archive.pipeline.waiting.unready import wait_for_end


class Dispatcher:
    """Queues the work of lanes and records how it ended; safe to use from many threads."""

    def __init__(
        self,
        work: WorkQueue,
        processor: Processor,
        backoff: Backoff,
        *,
        lanes: LaneSet,
        unexpected: Unexpected,
        stuck: Stuck,
    ) -> None:
        self._stuck = stuck
        self._work = work
        self._processor = processor
        self._backoff = backoff
        self._lanes = lanes
        self._groups = Groups()
        self._unexpected = unexpected
        self._finishing: set[Key] = set()
        self._running: dict[int, tuple[str, float]] = {}
        """What each thread works on, and since when (monotonic clock)."""
        self._mutex = threading.Lock()

    @property
    def running(self) -> tuple[str, ...]:
        """The work that is running, the longest first: converter, source, and for how long."""
        now_s = time.monotonic()
        with self._mutex:
            work = sorted(self._running.values(), key=lambda each: each[1])
        return tuple(f"{what} (for {now_s - began_s:.0f} s)" for what, began_s in work)

    def put(
        self,
        do: Callable[..., None],
        lane: Lane,
        *given: Arrival | DepartedSource,
        priority: int,
        turn: float | None = None,
        on_dropped: Callable[[], None] = lambda: None,
    ) -> None:
        """Queue work of a lane. The archive stays open until it ends; ``on_dropped`` is called if it never begins."""

        def drop() -> None:
            try:
                on_dropped()
            finally:
                lane.leases.end()

        lane.leases.begin()
        self._work.put(self._counted, do, lane, *given, priority=priority, turn=turn, on_dropped=drop)

    def enqueue(self, lane: Lane, arrival: Arrival) -> None:
        """Queue the processing of a source."""
        lane.scan.active.add(arrival.number)
        self.put(self._process, lane, arrival, priority=lane.config.priority)

    def enqueue_new(self, lane: Lane, arrivals: Sequence[Arrival]) -> None:
        """Queue the processing of sources that were only seen; many of them are archived in groups first."""
        for arrival in arrivals:
            lane.scan.active.add(arrival.number)
        waiting = [Waiting(arrival=arrival, turn=self._work.turn()) for arrival in arrivals]
        if groups.takes(lane):
            self._groups.add(lane, waiting)
            self._put_next(lane)
        else:
            self._put_each(lane, waiting, {})

    def _put_next(self, lane: Lane, *, turn: float | None = None) -> None:
        """Queue the next group of a lane; if only a few sources wait, each of them."""
        group = self._groups.take(lane)
        if len(group) < groups.LEAST:
            self._put_each(lane, group, {})
            return
        begins = group[0].turn if turn is None else turn
        self.put(partial(self._archive, group), lane, group[0].arrival, priority=lane.config.priority, turn=begins)

    def _put_each(self, lane: Lane, group: Sequence[Waiting], archived: Mapping[int, Archived]) -> None:
        for each in group:
            known = archived.get(each.arrival.number)
            arrival = known.arrival if known else each.arrival
            do = partial(self._process, archived=known)
            self.put(do, lane, arrival, priority=lane.config.priority, turn=each.turn)

    def _archive(self, group: Sequence[Waiting], lane: Lane, _: Arrival) -> None:
        """Archive a group and queue its sources, each at its own turn; one that was not archived is archived then.

        The lane's next group comes between them: it is archived while the last of them are converted.
        """
        archived: Mapping[int, Archived] = {}
        try:
            archived = self._processor.archive_several(lane, [each.arrival for each in group])
        except Exception as exc:
            self._unexpected.add(lane.name, lane.config.watch_folder, exc)  # each is archived alone then
        finally:
            self._put_each(lane, group, archived)
            self._groups.end(lane)
            self._put_next(lane, turn=group[len(group) // 2].turn + 0.5)

    def finish(self, lane: Lane, arrival: Arrival) -> None:
        """Queue the end of a source, only once: two of its reports may be answered at the same moment."""
        if self.begin_finishing(lane.key_of(arrival)):
            self.put(self.finish_now, lane, arrival, priority=URGENT)

    def drop_queued(self) -> None:
        """Drop queued work that is not urgent: the next scan, or the ledger, has its sources."""
        self._groups.drop()
        self._work.drop_queued()

    def note_answer(self, item: OutboxItem, state: SubmissionState, reason: str | None) -> bool:
        """Record the server's answer to a report; returns whether a source waited for it."""
        arrival = self._processor.note_answer(item, state, reason)
        if arrival is not None and not arrival.state.is_final and isinstance(item, ArchivedItem):
            for lane in self._lanes:
                if lane.archive is item.archive and lane.name == arrival.converter_name:
                    self.finish(lane, arrival)
        return arrival is not None

    def _counted(self, do: Callable[..., None], lane: Lane, *given: Arrival | DepartedSource) -> None:
        what = ": ".join((lane.name, *(str(each.path) for each in given)))
        try:
            with self._mutex:
                self._running[threading.get_ident()] = what, time.monotonic()
            with suppress(ConversionInterrupted):  # the service stops
                do(lane, *given)
        finally:
            with self._mutex:
                self._running.pop(threading.get_ident(), None)
            lane.leases.end()

    def _process(self, lane: Lane, arrival: Arrival, *, archived: Archived | None = None) -> None:
        waits: RetryLater | None = RetryLater(reason="an unexpected error; see the log", needs_operator=True)
        try:
            is_ended, busy = _is_ended(lane.ledger, arrival), self._work.is_long or self._groups.has_waiting(lane)
            waits = None if is_ended else self._processor.process(lane, arrival, busy=busy, archived=archived)
        except ConversionInterrupted as exc:
            waits = RetryLater(reason=str(exc), needs_operator=False)
            log_of(arrival).info("source.interrupted")
        except ConverterUnavailable as exc:  # one alert for all its sources
            waits = RetryLater(reason=str(exc), needs_operator=True)
        except ArchiveError as exc:
            waits = RetryLater(reason=str(exc), needs_operator=True)
            log_of(arrival).error("source.retry_scheduled", reason=str(exc))
        except Exception as exc:
            waits = self._unexpected.add(lane.name, arrival.path, exc, archive_id=arrival.archive_id)
        finally:
            self._release(lane, arrival, waits)

    def begin_finishing(self, key: Key) -> bool:
        """Note that the end of a source is queued or running; False if it is already."""
        with self._mutex:
            is_new = key not in self._finishing
            self._finishing.add(key)
        return is_new

    def end_finishing(self, key: Key) -> None:
        """Note that the end of a source is neither queued nor running."""
        with self._mutex:
            self._finishing.discard(key)

    def finish_now(self, lane: Lane, arrival: Arrival) -> None:
        """Finish a source; its end must have been begun."""
        lane = self._lanes.now(lane)  # the configuration may have changed since
        waits: RetryLater | None = None
        known, key = arrival, lane.key_of(arrival)
        try:
            known = lane.ledger.get(arrival.number) or arrival
            if not known.state.is_final:
                self._processor.finish(lane, known)
            self._stuck.resolve(key)
        except SourceOpen as exc:
            waits = wait_for_end(lane.config, str(exc))
        except (ArchiveError, OSError) as exc:
            waits = RetryLater(reason=str(exc), needs_operator=True)
            self._stuck.add(key, lane.ledger, known, exc)
            log_of(known).error("source.finish_failed", reason=str(exc))
        except Exception as exc:
            waits = self._unexpected.add(lane.name, arrival.path, exc, archive_id=arrival.archive_id)
        finally:
            self.end_finishing(key)
            self._release(lane, arrival, waits)

    def _release(self, lane: Lane, arrival: Arrival, waits: RetryLater | None) -> None:
        number, key = arrival.number, lane.key_of(arrival)
        if waits is None or not waits.is_unexpected:
            self._unexpected.resolve(lane.name, arrival.path)
        if waits is None:
            self._backoff.clear(key)
            self._backoff.release(key)
        else:
            self._backoff.delay(key, waits, path=arrival.path, settle_s=lane.config.settle_seconds)
            if waits.after is not None and _has_ended(lane.ledger, waits.after):
                self._backoff.release(Key(lane.key, waits.after))
        for each in (*(each for each in self._lanes if lane in each.predecessors.lanes), *lane.sharers):
            each.scan.needs_scan = True
        lane.scan.stale.append(arrival.path)
        if not self._processor.passthrough.has_unsent(lane.name, number):
            lane.scan.active.discard(number)
        lane.scan.needs_scan = True


def _has_ended(ledger: Ledger, number: int) -> bool:
    known = ledger.get(number)
    return known is None or known.state.is_final


def _is_ended(ledger: Ledger, arrival: Arrival) -> bool:
    """Return whether an arrival that was in processing when it was queued has ended since."""
    known = None if arrival.state is ArrivalState.SEEN else ledger.get(arrival.number)
    return known is not None and known.state.is_final
