"""Resuming a lane's unfinished work: at the start, after an outage, and when a delay is over (invariant 5)."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from pywats_archive.archive.alone import is_of_one
from pywats_archive.archive.core import Archive
from pywats_archive.errors import WorkersUnavailable
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import UNAVAILABLE, Alerts
from pywats_archive.pipeline.deferred.backfill import Backfill
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes.key import Key
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.lanes.loading import ConverterLoader
from pywats_archive.pipeline.postprocess import decisions
from pywats_archive.pipeline.processing.dispatcher import Dispatcher
from pywats_archive.pipeline.processing.work_queue import URGENT
from pywats_archive.pipeline.waiting.backoff import Backoff
from pywats_archive.pipeline.waiting.unexpected import Unexpected

log = structlog.get_logger()


class Resuming:
    """Finds unfinished work in the ledgers and queues it, in the service's own thread.

    ``is_impatient``: do not wait until a retry is due. ``on_back`` is called with a lane whose code can be loaded again.
    """

    def __init__(
        self,
        lanes: LaneSet,
        *,
        dispatcher: Dispatcher,
        backoff: Backoff,
        loader: ConverterLoader,
        spool: Spool,
        backfill: Backfill,
        alerts: Alerts,
        unexpected: Unexpected,
        clock: Clock,
        has_workers: Callable[[], bool],
        on_back: Callable[[Lane], None],
        is_impatient: bool,
    ) -> None:
        self._lanes = lanes
        self._dispatcher = dispatcher
        self._backoff = backoff
        self._loader = loader
        self._spool = spool
        self._backfill = backfill
        self._alerts = alerts
        self._unexpected = unexpected
        self._now = clock
        self._has_workers = has_workers
        self._on_back = on_back
        self._is_impatient = is_impatient

    def lane(self, lane: Lane) -> None:
        """Resume all unfinished work of a lane; ArchiveError when its ledger cannot be read."""
        if lane.is_taken:
            return
        self._backfill.run(lane)
        if lane.watches:
            self._spool.note_deferred(lane.config)
        in_hand: set[str] = set()
        for arrival in lane.ledger.unfinished():
            if arrival.state is ArrivalState.SEEN:
                lane.scan.known[arrival.path] = arrival
                lane.scan.repeated.add(arrival.path)
                lane.scan.changed |= {arrival.path} & in_hand
            else:
                in_hand.add(arrival.path)
                self._alone(lane, arrival, self._arrival)

    def retry(self, lane: Lane, now_s: float) -> None:
        """Resume what is due in a lane: parked sources, suspended ones, and those whose delay is over."""
        is_available = self._is_available(lane, now_s)
        if lane.away or lane.is_taken:
            return
        self._backfill.run(lane)
        if not is_available:
            return
        for arrival in lane.ledger.suspended():
            due = decisions.is_due(arrival, self._now()) or self._is_impatient
            if due and arrival.arrival_id not in lane.scan.active and self._backoff.is_due(lane.key_of(arrival), now_s):
                self._alone(lane, arrival, self._dispatcher.enqueue)
        self._delayed(lane, now_s)

    def _is_available(self, lane: Lane, now_s: float) -> bool:
        """Return whether a lane's converter is loaded; if not, queue the next attempt when it is due."""
        if error := lane.converter.error:
            is_for_workers = isinstance(error, WorkersUnavailable)
            if not is_for_workers:  # missing workers are one alert for all lanes
                self._alerts.raise_alert(UNAVAILABLE, lane.name, reason=str(error))
            are_back = is_for_workers and self._has_workers()
            retry_at_s = lane.converter.retry_at_s
            if retry_at_s <= now_s or (are_back and retry_at_s != float("inf")):
                lane.converter.retry_at_s = float("inf")
                self._dispatcher.put(self._loader.load, lane, priority=URGENT)
            return False
        if not any(each.converter.error for each in self._lanes if each.name == lane.name):
            self._alerts.clear(UNAVAILABLE, lane.name)
        if lane.converter.is_back:
            lane.converter.is_back = False
            self._on_back(lane)
        return True

    def _delayed(self, lane: Lane, now_s: float) -> None:
        """Resume sources that failed after they were archived: a scan finds only sources that are not archived yet."""
        for number in self._backoff.due(lane.key, now_s):
            arrival = lane.ledger.get(number)
            is_found_elsewhere = arrival is None or arrival.state in (ArrivalState.SEEN, ArrivalState.SUSPENDED)
            if arrival is None:  # the arrival was in another ledger, such as the one used while the archive was away
                self._backoff.clear(Key(lane.key, number))
            if arrival is None or is_found_elsewhere or number in lane.scan.active:
                continue
            if arrival.state.is_final:
                self._backoff.clear(Key(lane.key, number))
            else:
                self._alone(lane, arrival, self._arrival)

    def _arrival(self, lane: Lane, arrival: Arrival) -> None:
        if arrival.state is ArrivalState.SUSPENDED or arrival.arrival_id in lane.scan.active:
            return
        if arrival.state in (ArrivalState.ARCHIVED, ArrivalState.CONVERTING):
            self._dispatcher.enqueue(lane, arrival)
        elif lane.archive and arrival.archive_id and not _waits_for_server(lane.archive, arrival.archive_id):
            self._dispatcher.finish(lane, arrival)

    def _alone(self, lane: Lane, arrival: Arrival, act: Callable[[Lane, Arrival], None]) -> None:
        """Act on one source; an error that concerns only this source delays it, and no other source."""
        try:
            act(lane, arrival)
        except Exception as exc:
            if not is_of_one(exc):
                raise
            waits = self._unexpected.add(lane.name, arrival.path, exc, archive_id=arrival.archive_id)
            self._backoff.delay(lane.key_of(arrival), waits, path=arrival.path, settle_s=lane.config.settle_seconds)


def record_lost_results(lane: Lane) -> None:
    """Record as vanished the scheduled results that an earlier run entered and did not archive: they were only in memory."""
    for arrival in lane.ledger.unfinished() if lane.archive and not lane.watches else ():
        if arrival.state is ArrivalState.SEEN:
            lane.ledger.mark_vanished(arrival)
            log.error("scheduled.lost", converter=lane.name, result=arrival.path)


def _waits_for_server(archive: Archive, archive_id: str) -> bool:
    return any(r.submission_state is SubmissionState.WAITING for r in archive.reports_of(archive_id))
