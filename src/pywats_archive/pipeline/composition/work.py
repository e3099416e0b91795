"""The work of a service's threads, and what starts it."""

from __future__ import annotations

import threading

from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.pipeline.composition.acceptances import Acceptances
from pywats_archive.pipeline.composition.alarms import Alarms
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.dispatcher import Dispatcher
from pywats_archive.pipeline.processing.processor import Processor
from pywats_archive.pipeline.processing.work_queue import WorkQueue
from pywats_archive.pipeline.schedule.scheduler import Schedules
from pywats_archive.pipeline.settings import Settings
from pywats_archive.pipeline.waiting.backoff import Backoff


class Work:
    """The queue with its threads, and the sources that are processed, delayed, scheduled, or written to after they left."""

    def __init__(
        self,
        alarms: Alarms,
        lanes: LaneSet,
        spool: Spool,
        outbox: Outbox,
        settings: Settings,
        *,
        processes: ConverterProcesses,
        counts: RunCounts,
        stopping: threading.Event,
        wake: threading.Event,
    ) -> None:
        on_withheld = alarms.refusals.note
        self.late_writes = LateWrites(alarms.alerts)
        self.schedules = Schedules(processes, outbox, clock=settings.clock, on_withheld=on_withheld, tasks=alarms.tasks)
        self.backoff = Backoff(impatient=settings.until_idle)
        self.processor = Processor(
            processes,
            outbox,
            clock=settings.clock,
            failures=alarms.failures,
            spool=spool,
            counts=counts,
            late_writes=self.late_writes,
            stuck=alarms.stuck,
            on_withheld=on_withheld,
        )
        self.queue = WorkQueue(threads=2 * processes.count + 2, stopping=stopping, on_end=wake.set)
        self.dispatcher = Dispatcher(
            self.queue,
            self.processor,
            self.backoff,
            lanes=lanes,
            unexpected=alarms.unexpected,
            stuck=alarms.stuck,
        )

        acceptances = Acceptances(lanes, self.queue, self.dispatcher, self.processor.finisher, outbox)
        outbox.on_accepted = acceptances.take

    @property
    def is_busy(self) -> bool:
        """Whether any work is queued or running."""
        return self.queue.busy_count > 0
