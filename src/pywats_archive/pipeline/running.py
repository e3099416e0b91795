"""The main loop of a service: it runs until the service is stopped, or until it has nothing left to do."""

from __future__ import annotations

import time
from functools import partial

import structlog

from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.compliance import report as report_overruled
from pywats_archive.pipeline.composition.parts import StationParts
from pywats_archive.pipeline.idle import (
    RunOutcome,
    Snapshot,
    fault_blockers,
    is_moving,
    lane_blockers,
    needs_scan,
    open_sources,
    report_blockers,
    waiting_reports,
)
from pywats_archive.pipeline.lanes.announcing import log_ready
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.processing.work_queue import URGENT
from pywats_archive.pipeline.reload import Reloading
from pywats_archive.pipeline.resume import record_lost_results

log = structlog.get_logger()

RESCAN_S = 60.0
CONFIG_CHECK_S = 2.0
MOUNT_CHECK_S = 1.0
_TICK_S = 0.2
_QUIET_TICK_S = 1.0
_BREATH_S = 0.05
"""The shortest pause between two rounds: each completed piece of work wakes the loop, and none is urgent."""


class StationRun:
    """One run of the service, in the service's own thread."""

    def __init__(self, parts: StationParts) -> None:
        self._parts = parts
        self._alarms = parts.alarms
        self._places = parts.places
        self._lanes = parts.places.lanes
        self._work = parts.work
        self._sending = parts.sending
        self._reloading = Reloading(parts, check_mounts=self._check_mounts_now)
        self._checked_mounts_s = float("-inf")

    def begin(self) -> None:
        """Resume what an earlier run left unfinished (invariant 5).

        Mounts come before folders and lanes: with an archive or folder that is away, no work may begin.
        Folder events come before the first scan, so that no change is missed in between.
        """
        self._check_mounts_now()
        self._parts.listen()
        self._work.schedules.plan(self._lanes)
        self._alarms.isolate("pending", partial(self._places.orphans.check_pending, self._lanes))
        for lane in self._lanes:
            self._parts.resuming.lane(lane)
            self._work.late_writes.resume(lane)
            record_lost_results(lane)
        self._alarms.isolate("orphans", partial(self._places.orphans.check, self._lanes, self._parts.station))
        self._alarms.verdicts.accept(self._parts.station)
        report_overruled(
            self._parts.station, self._parts.config.overruled, self._places.pool.archives, self._alarms.alerts
        )
        for lane in self._lanes:
            if not lane.is_draining:
                log_ready(lane)
        log.info("service.started", converters=[lane.name for lane in self._lanes])

    def watch(self) -> RunOutcome:
        """Run until the service is stopped or, with ``until_idle``, until it has nothing left to do."""
        last_rescan = last_config_check = last_retry = 0.0
        while not self._parts.stopping.is_set():
            now_s = time.monotonic()
            is_rescan = now_s - last_rescan >= RESCAN_S
            if is_rescan:
                last_rescan = now_s
                self._alarms.isolate("pending", self._places.orphans.recheck_pending)
            self._parts.vitals.check(now_s)
            self._alarms.isolate("archives and folders", partial(self._check_mounts, now_s))
            self._alarms.isolate("reports", partial(self._sending.check, now_s, again=is_rescan))
            self._scan(now_s, even_unchanged=is_rescan)
            if now_s - last_retry >= _QUIET_TICK_S or self._parts.settings.until_idle:
                last_retry = now_s
                self._retry(now_s)
            if now_s - last_config_check >= CONFIG_CHECK_S or self._work.queue.is_paused:
                last_config_check = now_s
                self._reloading.reload_if_changed()
            if self._parts.settings.until_idle and (outcome := self._try_outcome()) is not None:
                self._sending.check(now_s, again=True)
                return outcome
            is_active = self._parts.settings.until_idle or any(
                lane.accepts_new and (lane.scan.needs_scan or lane.scan.unstable) for lane in self._lanes
            )
            self._parts.wake.wait(_TICK_S if is_active else _QUIET_TICK_S)
            self._parts.stopping.wait(_BREATH_S)
            self._parts.wake.clear()
        return RunOutcome(ended=self._parts.counts.counts)

    def end(self) -> None:
        """Archive the last late writes and end the heartbeats, at an orderly stop."""
        self._archive_late_writes(all_of_them=True)
        self._parts.vitals.end()

    def _scan(self, now_s: float, *, even_unchanged: bool) -> None:
        changed = self._parts.events.drain()
        for lane in self._lanes:
            scan = lane.scan
            scan.needs_scan = scan.needs_scan or even_unchanged or lane.config.watch_folder in changed
            is_there = lane.accepts_new and not lane.is_folder_away
            if is_there and (scan.needs_scan or scan.unstable) and scan.next_scan_s <= now_s:
                self._parts.watcher.scan(lane)

    def _check_mounts_now(self) -> None:
        self._checked_mounts_s = float("-inf")
        self._check_mounts(time.monotonic())

    def _check_mounts(self, now_s: float) -> None:
        """Check archives and watch folders, once a second."""
        if now_s - self._checked_mounts_s < MOUNT_CHECK_S:
            return
        self._checked_mounts_s = now_s
        self._parts.monitor.check(now_s)
        back = self._places.folders.check({lane.folder: lane.name for lane in self._lanes if lane.folder})
        if back:
            self._parts.listen()
        for lane in self._lanes:
            if lane.folder in back:
                lane.scan.needs_scan = True
                self._alarms.tasks.run("watch folder", lane.name, partial(self._parts.continue_lane, lane))

    def _retry(self, now_s: float) -> None:
        """Queue what is due, and remove draining lanes that are drained."""
        for lane in self._lanes:
            try:
                self._parts.resuming.retry(lane, now_s)
                self._retire_if_drained(lane)
                self._alarms.unexpected.resolve(lane.name, lane.name)
            except ArchiveError as exc:
                self._parts.note_failure(lane, exc)
            except Exception as exc:
                self._alarms.unexpected.add(lane.name, lane.name, exc)
        self._alarms.isolate("late writes", self._archive_late_writes)
        self._alarms.isolate("without archive", self._work.processor.passthrough.retry_unfinished)
        self._alarms.isolate("schedules", self._run_schedules)

    def _run_schedules(self) -> None:
        self._work.schedules.retry_deferred()
        for lane in self._work.schedules.due():
            self._work.dispatcher.put(self._work.schedules.run, lane, priority=lane.config.priority)

    def _archive_late_writes(self, *, all_of_them: bool = False) -> None:
        """Archive sources that were written to after they left; with ``all_of_them`` immediately and in this thread."""
        for departed in self._work.late_writes.due(all_of_them=all_of_them):
            lane = self._lanes.now(departed.lane)
            if all_of_them:
                self._work.late_writes.archive(lane, departed)
            else:
                self._work.dispatcher.put(self._work.late_writes.archive, lane, departed, priority=URGENT)

    def _retire_if_drained(self, lane: Lane) -> None:
        """Remove a lane that is drained, unless work of it is queued or running."""
        if not lane.is_draining or lane.away or lane.is_taken or not self._places.leftovers.is_drained(lane):
            return
        with lane.leases.if_idle() as is_idle:
            if not is_idle:
                return
            self._lanes.remove(lane)
        self._places.close_unused()
        log.info("lane.drained", converter=lane.name, root=str(lane.root))

    def _try_outcome(self) -> RunOutcome | None:
        try:
            return self._outcome()
        except ArchiveError as exc:  # the monitor checks what is wrong with it
            log.error("archive.unreadable", reason=str(exc))
            return None

    def _outcome(self) -> RunOutcome | None:
        """Return the outcome once nothing is left that the service can do; None before.

        The outbox is read after the reports are counted: a report that the server accepts in between is then still counted
        as waiting, or as in flight, and never missed.
        """
        if self._work.queue.busy_count:  # no SQL queries while work runs
            return None
        if not self._parts.jobs.is_idle:  # a purge may just have freed space for sources that wait
            return None
        lanes = tuple(self._lanes)
        blocked, found = self._work.backoff.blocked(), open_sources(lanes)
        waiting = waiting_reports(self._places.pool.archives)
        now = Snapshot(
            blocked=blocked,
            open_sources=found,
            waiting_reports=waiting,
            outbox=self._sending.outbox.state,
            busy_count=self._work.queue.busy_count,
            needs_scan=needs_scan(lanes),
        )
        if is_moving(now) or self._work.backoff.is_any_released:
            return None
        blockers = (
            *blocked.values(),
            *self._alarms.unexpected.blockers(),
            *self._work.processor.passthrough.blockers(),
            *self._work.schedules.blockers(),
            *report_blockers(now),
            *fault_blockers(lanes),
            *lane_blockers(lanes, self._places.spool),
            *self._places.backfill.blockers(lanes),
            *self._places.orphans.blockers(),
        )
        return RunOutcome(waiting=tuple(dict.fromkeys(blockers)), ended=self._parts.counts.counts)
