"""All parts of a running service, and the calls between them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack

from pywats_archive.archive.core import Archive
from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.items import MemoryItem, OutboxItem
from pywats_archive.errors import ArchiveError
from pywats_archive.host.settings import state_file
from pywats_archive.models.report import SubmissionState
from pywats_archive.pipeline.alerting.metrics import Metrics
from pywats_archive.pipeline.alerting.notifier import AlertNotifier
from pywats_archive.pipeline.background.clock import ClockJob
from pywats_archive.pipeline.background.jobs import BackgroundJobs, HistoryJobs
from pywats_archive.pipeline.background.pages import Shown, WebPages
from pywats_archive.pipeline.composition.alarms import Alarms
from pywats_archive.pipeline.composition.facts import Facts
from pywats_archive.pipeline.composition.places import Places
from pywats_archive.pipeline.composition.sending import Sending
from pywats_archive.pipeline.composition.work import Work
from pywats_archive.pipeline.config_watch import ConfigFile
from pywats_archive.pipeline.folders.events import FolderEvents
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.mounts.monitor import MountMonitor
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.processing.counts import RunCounts
from pywats_archive.pipeline.resume import Resuming
from pywats_archive.pipeline.settings import Settings
from pywats_archive.pipeline.vitals import Vitals
from pywats_archive.pipeline.waiting.unready import Unready
from pywats_archive.pipeline.watcher import Watcher


class StationParts:
    """The parts of one service. Only ``on_answer`` may be called from other threads.

    ``exits`` closes the parts in the reverse order of their creation. ``wake`` ends a wait of the main loop.
    The order in ``__init__`` matters: each part needs those above it, and is closed before them.
    """

    def __init__(
        self,
        station: StationConfig,
        settings: Settings,
        *,
        config: ConfigFile,
        processes: ConverterProcesses,
        counts: RunCounts,
        stopping: threading.Event,
        wake: threading.Event,
        notifier: AlertNotifier,
        exits: ExitStack,
    ) -> None:
        self.station = station
        self.settings = settings
        self.config = config
        self.counts = counts
        self.stopping = stopping
        self.wake = wake
        self.notifier = notifier

        self.alarms = Alarms(self._archives, settings, notifier=notifier)
        self.places = Places(station, settings, self.alarms, processes=processes, exits=exits)
        alerts, tasks = self.alarms.alerts, self.alarms.tasks
        self.histories = HistoryJobs(self.places.pool, alerts, tasks=tasks, station=lambda: self.station)
        exits.callback(self.histories.end)  # the last but the archives: it signs what all other parts recorded
        self.places.lanes.use(self.places.assembly.lanes(station, config.overruled))
        self.places.close_unused()
        if settings.metrics:
            pool, alerts = self.places.pool, self.alarms.alerts
            exits.callback(Metrics(settings.metrics, self._archives, alerts, using=pool.lease).close)
        self.sending = Sending(
            self.alarms, self._archives, settings, server=lambda: self.station.server, on_answer=self.on_answer
        )
        self.work = Work(
            self.alarms,
            self.places.lanes,
            self.places.spool,
            self.sending.outbox,
            settings,
            processes=processes,
            counts=counts,
            stopping=stopping,
            wake=wake,
        )
        # Closed in the reverse order: work ends before the outbox, and scheduled results that are lost are logged last.
        for part in (self.work.schedules, self.sending.outbox, self.work.queue):
            exits.callback(part.close)
        self.monitor = self._new_monitor()
        self.watcher = self._new_watcher()
        self.resuming = self._new_resuming(processes)
        self.sending.outbox.start()  # not earlier: it calls ``on_answer``
        self.jobs = self._new_jobs()
        exits.callback(self.jobs.close)
        self.vitals = self._new_vitals(processes)
        self.events = FolderEvents(wake)
        exits.callback(self.events.close)
        self.pages = self._new_pages()
        if self.pages:
            exits.callback(self.pages.close)

    def on_answer(self, item: OutboxItem, state: SubmissionState, reason: str | None) -> None:
        """Record the server's answer to a report; called in a thread of the outbox."""
        if state is SubmissionState.REFUSED:
            self.alarms.refusals.note(item.converter if isinstance(item, MemoryItem) else None, reason)
        if not self.work.dispatcher.note_answer(item, state, reason):
            self.wake.set()

    def note_failure(self, lane: Lane, error: ArchiveError) -> None:
        self.monitor.note_failure(lane.mount, error, converter=lane.name)

    def continue_lane(self, lane: Lane) -> None:
        """Retry what waited for a lane's archive, watch folder or converter."""
        self.work.backoff.retry_now(lane.key)
        lane.scan.needs_scan = True
        try:
            if lane.predecessors.is_unknown and not lane.away:
                draining = self.places.leftovers.draining_lanes(lane, self.station)
                self.places.lanes.add(draining)
                for each in draining:
                    self.resuming.lane(each)
                self.places.orphans.check(self.places.lanes, self.station)
            self.resuming.lane(lane)
        except ArchiveError as exc:
            self.note_failure(lane, exc)
        self.sending.outbox.reconnect()

    def listen(self) -> None:
        """Get the events of all watch folders that are available."""
        watched = (lane for lane in self.places.lanes if lane.accepts_new and not lane.is_folder_away)
        self.events.watch(lane.config.watch_folder for lane in watched)

    def _archives(self) -> Sequence[Archive]:
        return self.places.pool.archives

    def _on_ready(self, mount: ArchiveMount) -> None:
        for lane in self.places.lanes.of(mount):
            self.continue_lane(lane)

    def _on_converter_back(self, lane: Lane) -> None:
        self.work.schedules.plan(self.places.lanes)
        self.continue_lane(lane)

    def _new_monitor(self) -> MountMonitor:
        return MountMonitor(
            self.places.pool,
            self.alarms.alerts,
            self.alarms.tasks,
            is_attached=self.places.lanes.is_attached,
            on_attached=self.places.attach,
            on_detached=self.places.detach,
            on_ready=self._on_ready,
        )

    def _new_watcher(self) -> Watcher:
        return Watcher(
            self.work.backoff,
            self.work.processor,
            self.alarms.failures,
            self.work.dispatcher.enqueue_new,
            self.note_failure,
            self.alarms.unexpected,
            Unready(self.alarms.alerts),
            self.alarms.alerts,
            spool=self.places.spool,
            impatient=self.settings.until_idle,
        )

    def _new_resuming(self, processes: ConverterProcesses) -> Resuming:
        return Resuming(
            self.places.lanes,
            dispatcher=self.work.dispatcher,
            backoff=self.work.backoff,
            loader=self.places.loader,
            spool=self.places.spool,
            backfill=self.places.backfill,
            alerts=self.alarms.alerts,
            unexpected=self.alarms.unexpected,
            clock=self.settings.clock,
            has_workers=lambda: processes.trouble is None,
            on_back=self._on_converter_back,
            is_impatient=self.settings.until_idle,
        )

    def _new_jobs(self) -> BackgroundJobs:
        return BackgroundJobs(
            self.places.lanes,
            self.places.pool,
            self.alarms.alerts,
            tasks=self.alarms.tasks,
            timekeeping=ClockJob(
                alerts=self.alarms.alerts,
                heard=self.sending.server_clock,
                server=lambda: self.station.server,
                now=self.settings.clock,
            ),
            is_busy=lambda: self.work.is_busy,
            subject=self.alarms.subject,
            histories=self.histories,
            station=lambda: self.station,
            is_audit_required=lambda: state_file.is_audit_required(self.settings.config_path),
            clock=self.settings.clock,
        )

    def _new_pages(self) -> WebPages | None:
        if self.settings.web is None:
            return None
        return WebPages(
            self.settings.web,
            self.settings.config_path,
            self.alarms.alerts,
            shown=lambda: Shown(station=self.station, roots=frozenset(each.root for each in self._archives())),
            tasks=self.alarms.tasks,
        )

    def _new_vitals(self, processes: ConverterProcesses) -> Vitals:
        return Vitals(
            self.places.pool,
            self.alarms.alerts,
            processes,
            self.sending.outbox,
            self.work.queue,
            self.jobs,
            facts=Facts(
                self.settings,
                self.places.lanes,
                server=lambda: self.station.server,
                outbox=lambda: self.sending.outbox.state,
            ),
            subject=self.alarms.subject,
            clock=self.settings.clock,
        )
