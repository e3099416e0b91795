"""What the service cannot do without, looked at once a second: its threads and worker processes. The sign that it lives."""

from __future__ import annotations

from pywats_archive.archive.core import Archive
from pywats_archive.archive.liveness.heartbeat import Heartbeat
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.errors import ServiceFailed
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import WORKERS, Alerts
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.pipeline.processing.work_queue import WorkQueue

CHECK_EVERY_S = 1.0


class Vitals:
    """Looks after the parts of one service, from its own thread."""

    def __init__(
        self,
        pool: ArchivePool,
        alerts: Alerts,
        processes: ConverterProcesses,
        outbox: Outbox,
        work: WorkQueue,
        *,
        subject: str,
        clock: Clock,
    ) -> None:
        """``subject``: what an alert on the whole service is about, its configuration."""
        self._pool = pool
        self._alerts = alerts
        self._processes = processes
        self._now = clock
        self._outbox = outbox
        self._work = work
        self._subject = subject
        self._heartbeats: dict[Archive, Heartbeat] = {}
        self._checked_at_s = float("-inf")

    def check(self, now_s: float) -> None:
        """Look at everything, once a second; ServiceFailed when a part has ended. ``now_s`` is of a monotonic clock."""
        if now_s - self._checked_at_s < CHECK_EVERY_S:
            return
        self._checked_at_s = now_s
        if not self._outbox.is_running:
            raise ServiceFailed("the outbox ended, so nothing is sent any more; the log says why ('outbox.ended')")
        if not self._work.is_served:
            raise ServiceFailed("all threads that handle sources ended; the log says why")
        self._check_workers()
        self._beat(now_s)

    def end(self) -> None:
        """Leave no sign in any archive: the service ends in order."""
        for heartbeat in self._heartbeats.values():
            heartbeat.end()

    def _beat(self, now_s: float) -> None:
        archives = self._pool.archives
        for archive in [each for each in self._heartbeats if each not in archives]:
            self._heartbeats.pop(archive).end()
        for archive in archives:
            self._heartbeats.setdefault(archive, Heartbeat(archive, clock=self._now)).beat(now_s)

    def _check_workers(self) -> None:
        processes, alerts = self._processes, self._alerts
        processes.revive()
        if trouble := processes.trouble:
            alerts.raise_alert(WORKERS, self._subject, reason=trouble)
        else:
            alerts.clear(WORKERS, self._subject)
