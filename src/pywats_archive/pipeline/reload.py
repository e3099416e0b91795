"""Using a changed configuration while the service runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import structlog

from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.alerts import UNAVAILABLE
from pywats_archive.pipeline.alerting.compliance import Overruled
from pywats_archive.pipeline.alerting.compliance import report as report_overruled
from pywats_archive.pipeline.composition.parts import StationParts
from pywats_archive.pipeline.lanes.announcing import log_ready
from pywats_archive.pipeline.lanes.lane import Lane

log = structlog.get_logger()


class Reloading:
    """Replaces the lanes when the configuration file has changed; ``check_mounts`` checks all archives and folders."""

    def __init__(self, parts: StationParts, *, check_mounts: Callable[[], None]) -> None:
        self._parts = parts
        self._alarms = parts.alarms
        self._places = parts.places
        self._lanes = parts.places.lanes
        self._work = parts.work
        self._sending = parts.sending
        self._check_mounts = check_mounts

    def reload_if_changed(self) -> None:
        """Use a changed configuration once all running work has ended; no new work begins until then.

        So a reload waits for the longest conversion. Queued work is dropped: the new lanes find it again in their ledgers
        and folders.
        """
        config = self._parts.config
        stamp = config.stamp()
        if stamp == config.handled:
            self._work.queue.resume()
            return
        try:
            overruled, station = config.overruled, config.read()
            if not self._work.queue.pause():
                return
            lanes = self._places.assembly.lanes(station, config.overruled, before=self._lanes)
        except Exception as exc:
            self._alarms.verdicts.reject(exc)
        else:
            self._try_to_use(station, lanes, overruled)
        config.handled = stamp
        self._work.queue.resume()

    def _try_to_use(
        self, station: StationConfig, lanes: tuple[Lane, ...], overruled_before: Iterable[Overruled]
    ) -> None:
        """Use a configuration; if that fails half-way, return to the last good one."""
        before = self._parts.station
        try:
            self._use(station, lanes)
        except Exception as exc:
            self._alarms.verdicts.reject(exc)
            self._use(before, self._places.assembly.lanes(before, overruled_before, before=self._lanes))
        else:
            self._alarms.verdicts.accept(station)
            report_overruled(
                self._parts.station, self._parts.config.overruled, self._places.pool.archives, self._alarms.alerts
            )

    def _use(self, station: StationConfig, lanes: tuple[Lane, ...]) -> None:
        self._work.dispatcher.drop_queued()
        before = {lane.name for lane in self._lanes}
        if station.server != self._parts.station.server:
            self._sending.server_clock.forget()
        self._parts.station = station
        self._lanes.use(lanes)
        self._places.close_unused()
        self._parts.jobs.reclaim_space()
        self._parts.notifier.reload(station)
        for name in before - {lane.name for lane in lanes}:
            self._alarms.alerts.clear(UNAVAILABLE, name)
        self._alarms.reset()
        self._check_mounts()
        self._parts.watcher.clear_unwatched(lanes)
        self._parts.listen()
        self._work.schedules.restart(lanes)
        self._sending.outbox.reconnect()
        self._alarms.isolate("pending", partial(self._places.orphans.check_pending, lanes))
        for lane in lanes:
            try:
                self._parts.resuming.lane(lane)
            except ArchiveError as exc:
                self._parts.note_failure(lane, exc)
        self._alarms.isolate("orphans", partial(self._places.orphans.check, lanes, station))
        for lane in lanes:
            if not lane.is_draining:
                log_ready(lane)
        log.info("config.reloaded", converters=[lane.name for lane in lanes])
