"""The parts of a running service, and the calls between them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.items import MemoryItem, OutboxItem
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.errors import ArchiveError
from pywats_archive.host.server.clock import ServerClock
from pywats_archive.host.server.submission import Submitter
from pywats_archive.host.settings.secrets import load_key
from pywats_archive.models.report import SubmissionState
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.alerting.metrics import Metrics
from pywats_archive.pipeline.alerting.notifier import AlertNotifier
from pywats_archive.pipeline.alerting.refusals import Refusals
from pywats_archive.pipeline.alerting.server import ServerWatch
from pywats_archive.pipeline.assembly import Assembly
from pywats_archive.pipeline.background.clock import ClockJob
from pywats_archive.pipeline.background.jobs import BackgroundJobs
from pywats_archive.pipeline.config_watch import ConfigFile, ConfigVerdicts
from pywats_archive.pipeline.deferred.backfill import Backfill
from pywats_archive.pipeline.deferred.note import Seal
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.folders.events import FolderEvents
from pywats_archive.pipeline.folders.ownership import WatchFolders
from pywats_archive.pipeline.lanes.attachment import Attaching
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.lanes.loading import ConverterLoader
from pywats_archive.pipeline.leftovers.draining import Leftovers
from pywats_archive.pipeline.leftovers.orphans import Orphans
from pywats_archive.pipeline.mounts.monitor import MountMonitor
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.pipeline.postprocess.late_writes import LateWrites
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.processing.dispatcher import Dispatcher
from pywats_archive.pipeline.processing.processor import Processor
from pywats_archive.pipeline.processing.work_queue import WorkQueue
from pywats_archive.pipeline.resume import Resuming
from pywats_archive.pipeline.schedule.scheduler import Schedules
from pywats_archive.pipeline.vitals import Vitals
from pywats_archive.pipeline.waiting.backoff import Backoff
from pywats_archive.pipeline.waiting.stuck import Stuck
from pywats_archive.pipeline.waiting.unexpected import Unexpected
from pywats_archive.pipeline.waiting.unready import Unready
from pywats_archive.pipeline.watcher import Watcher
from pywats_archive.portable.uptime import uptime

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The options of a run."""

    config: ConfigFile
    until_idle: bool
    """Retry everything immediately, and end when nothing is waiting."""
    repair: bool
    """Rebuild a missing or damaged catalog at the start."""
    accept_notes: bool
    """Accept notes in Done that this station did not sign; a person vouches for them."""
    metrics: str | None
    """Where to serve metrics for Prometheus: ``PORT`` or ``HOST:PORT``; None to serve none."""
    clock: Clock


class StationParts:
    """The parts of one service. Only ``on_answer`` may be called from other threads.

    ``exits`` closes the parts in the reverse order of their creation. ``wake`` ends a wait of the main loop.
    The order below matters: each part needs those above it, and is closed before them.
    """

    def __init__(
        self,
        station: StationConfig,
        conditions: Conditions,
        *,
        processes: ConverterProcesses,
        counts: RunCounts,
        stopping: threading.Event,
        wake: threading.Event,
        notifier: AlertNotifier,
        exits: ExitStack,
    ) -> None:
        config_path, clock = conditions.config.path, conditions.clock
        self.station = station
        self.conditions = conditions
        self.counts = counts
        self.stopping = stopping
        self.wake = wake
        self.notifier = notifier

        self.alerts = Alerts(lambda: self.pool.archives, clock=clock, on_news=notifier.notify)
        self.failures = ArchiveFailures(self.alerts)
        self.stuck = Stuck(self.alerts)
        self.unexpected = Unexpected(self.alerts)
        self.tasks = IsolatedTasks(self.alerts)
        self.verdicts = ConfigVerdicts(config_path, self.alerts)
        self.pool = exits.enter_context(ArchivePool(station.path, self.alerts, clock=clock, repair=conditions.repair))
        self.folders = WatchFolders(station.path, self.alerts, self.tasks)
        exits.callback(self.folders.close)
        self.spool = Spool(Seal(lambda: load_key(station.path.parent), accepts_unsigned=conditions.accept_notes))
        self.backfill = Backfill(self.spool, self.alerts, self.failures)
        self.attaching = Attaching(station.path, clock=clock)
        loader = ConverterLoader(processes, self.attaching)
        self.leftovers = Leftovers(self.pool, loader, self.attaching, self.spool, clock=clock)
        self.assembly = Assembly(self.pool, self.folders, loader, self.attaching, self.leftovers, clock=clock)
        self.orphans = Orphans(self.pool, self.alerts)

        self.lanes = LaneSet(self.pool)
        self.lanes.replace(self.assembly.lanes(station))
        self.close_unused()
        if conditions.metrics:
            exits.callback(
                Metrics(conditions.metrics, lambda: self.pool.archives, self.alerts, using=self.pool.lease).close
            )

        self.server_clock = ServerClock(lambda: uptime().seconds)
        self.outbox = Outbox(
            lambda: Submitter(self.station.server, on_answer=self.server_clock.hear),
            lambda: self.pool.archives,
            on_completed=self.on_answer,
            clock=clock,
            retry_now=conditions.until_idle,
        )
        self.server_watch = ServerWatch(self.alerts, lambda: self.pool.archives)
        self.refusals = Refusals(self.alerts, clock=clock)
        self.late_writes = LateWrites(self.alerts)
        self.schedules = Schedules(
            processes, self.outbox, clock=clock, on_withheld=self.refusals.note, tasks=self.tasks
        )
        self.backoff = Backoff(impatient=conditions.until_idle)
        self.processor = Processor(
            processes,
            self.outbox,
            clock=clock,
            failures=self.failures,
            spool=self.spool,
            counts=counts,
            late_writes=self.late_writes,
            stuck=self.stuck,
            on_withheld=self.refusals.note,
        )
        self.work = WorkQueue(threads=2 * processes.count + 2, stopping=stopping, on_end=wake.set)
        # Closed in the reverse order: work ends before the outbox, and scheduled results that are lost are logged last.
        for part in (self.schedules, self.outbox, self.work):
            exits.callback(part.close)
        self.dispatcher = Dispatcher(
            self.work, self.processor, self.backoff, lanes=self.lanes, unexpected=self.unexpected, stuck=self.stuck
        )
        self.monitor = MountMonitor(
            self.pool,
            self.alerts,
            self.tasks,
            is_attached=self.lanes.is_attached,
            on_attached=self.on_attached,
            on_detached=self.on_detached,
            on_ready=self.on_ready,
        )
        self.watcher = Watcher(
            self.backoff,
            self.processor,
            self.failures,
            self.dispatcher.enqueue,
            self.note_failure,
            self.unexpected,
            Unready(self.alerts),
            self.alerts,
            spool=self.spool,
            impatient=conditions.until_idle,
        )
        self.resuming = Resuming(
            self.lanes,
            dispatcher=self.dispatcher,
            backoff=self.backoff,
            loader=loader,
            spool=self.spool,
            backfill=self.backfill,
            alerts=self.alerts,
            unexpected=self.unexpected,
            clock=clock,
            has_workers=lambda: processes.trouble is None,
            on_back=self.on_converter_back,
            is_impatient=conditions.until_idle,
        )
        self.outbox.start()  # not earlier: it calls the dispatcher and the refusals
        self.jobs = BackgroundJobs(
            self.lanes,
            self.pool,
            self.alerts,
            tasks=self.tasks,
            timekeeping=ClockJob(
                alerts=self.alerts, heard=self.server_clock, server=lambda: self.station.server, now=clock
            ),
            is_busy=lambda: self.work.busy_count > 0,
            subject=str(config_path),
        )
        exits.callback(self.jobs.close)
        self.vitals = Vitals(
            self.pool, self.alerts, processes, self.outbox, self.work, self.jobs, subject=str(config_path), clock=clock
        )
        self.events = FolderEvents(wake)
        exits.callback(self.events.close)

    def on_attached(self, mount: ArchiveMount, archive: Archive) -> None:
        for lane in self.lanes.of(mount):
            if lane.archive is not archive:
                self.attaching.reattach(lane, archive)

    def on_detached(self, mount: ArchiveMount) -> None:
        for lane in self.lanes.of(mount):
            self.attaching.detach(lane)

    def on_ready(self, mount: ArchiveMount) -> None:
        for lane in self.lanes.of(mount):
            self.continue_lane(lane)

    def on_converter_back(self, lane: Lane) -> None:
        self.schedules.plan(self.lanes)
        self.continue_lane(lane)

    def on_answer(self, item: OutboxItem, state: SubmissionState, reason: str | None) -> None:
        """Record the server's answer to a report; called in a thread of the outbox."""
        if state is SubmissionState.REFUSED:
            self.refusals.note(item.converter if isinstance(item, MemoryItem) else None, reason)
        if not self.dispatcher.note_answer(item, state, reason):
            self.wake.set()

    def note_failure(self, lane: Lane, error: ArchiveError) -> None:
        self.monitor.note_failure(lane.mount, error, converter=lane.name)

    def continue_lane(self, lane: Lane) -> None:
        """Retry what waited for a lane's archive, watch folder or converter."""
        self.backoff.retry_now(lane)
        lane.scan.needs_scan = True
        try:
            if lane.predecessors.is_unknown and not lane.away:
                draining = self.leftovers.draining_lanes(lane, self.station)
                self.lanes.add(draining)
                for each in draining:
                    self.resuming.lane(each)
                self.orphans.check(self.lanes, self.station)
            self.resuming.lane(lane)
        except ArchiveError as exc:
            self.note_failure(lane, exc)
        self.outbox.reconnect()

    def listen(self) -> None:
        self.events.watch(lane.config.watch_folder for lane in self.lanes if lane.takes_new and not lane.is_folder_away)

    def close_unused(self) -> None:
        self.folders.release_except(lane.folder for lane in self.lanes if lane.folder)
        self.pool.close_unused()

    def isolate(self, name: str, act: Callable[[], object]) -> None:
        """Run one step of the main loop; an unexpected error in it does not stop the other steps."""
        self.tasks.run(name, str(self.conditions.config.path), act)
