"""Acceptances of reports that are recorded in one commit with the end of their source."""

from __future__ import annotations

from functools import partial

from pywats_archive.conversion.sending.items import ArchivedItem, OutboxItem
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.conversion.source_log import log_of
from pywats_archive.errors import ArchiveError
from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.processing.dispatcher import Dispatcher
from pywats_archive.pipeline.processing.finishing import Finisher
from pywats_archive.pipeline.processing.work_queue import URGENT, WorkQueue


class Acceptances:
    """Finishes the sources of accepted reports; an acceptance is recorded with that, or alone if a source cannot leave."""

    def __init__(
        self, lanes: LaneSet, work: WorkQueue, dispatcher: Dispatcher, finisher: Finisher, outbox: Outbox
    ) -> None:
        self._lanes = lanes
        self._work = work
        self._dispatcher = dispatcher
        self._finisher = finisher
        self._outbox = outbox

    def take(self, item: OutboxItem) -> bool:
        """Queue the end of the source whose only report was accepted; False if the acceptance must be recorded now.

        Neither waits nor fails. While no work begins, acceptances are recorded: those that are not would hide other reports
        from the outbox, which reads the oldest that wait.
        """
        if not isinstance(item, ArchivedItem) or self._work.is_ending or self._work.is_paused:
            return False
        arrival = self._finisher.arrival_of(item)
        lane = self._lane_of(item, arrival) if arrival else None
        return arrival is not None and lane is not None and self._take(item, lane, arrival)

    def _lane_of(self, item: ArchivedItem, arrival: Arrival) -> Lane | None:
        """Return the lane that finishes a source; None if the document is removed once the acceptance is on record."""
        own = (lane for lane in self._lanes if lane.archive is item.archive and lane.name == arrival.converter_name)
        return next((lane for lane in own if lane.config.archive_output_reports), None)

    def _take(self, item: ArchivedItem, lane: Lane, arrival: Arrival) -> bool:
        if not self._dispatcher.begin_finishing(lane.key_of(arrival)):
            return False
        if not self._finisher.accept(item):
            self._dispatcher.end_finishing(lane.key_of(arrival))
            return False
        finish, record = partial(self._finish, item), partial(self._record, item)
        self._dispatcher.put(finish, lane, arrival, priority=URGENT, on_dropped=record)
        return True

    def _finish(self, item: ArchivedItem, lane: Lane, arrival: Arrival) -> None:
        try:
            self._dispatcher.finish_now(lane, arrival)
        finally:
            self._record(item)

    def _record(self, item: ArchivedItem) -> None:
        """Record an acceptance that no end of its source has recorded; if that fails, the report is sent again."""
        try:
            self._finisher.record_accepted(item)
        except ArchiveError as exc:
            log_of(item.origin()).error("report.not_sent", report_id=item.report_id, reason=str(exc))
            self._outbox.send_again(item)
