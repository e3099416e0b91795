"""The health of the service itself, checked once a second: its threads, its worker processes, and its heartbeat."""

from __future__ import annotations

from collections.abc import Callable

from pywats_archive.archive.core import Archive
from pywats_archive.archive.liveness.heartbeat import Heartbeat
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.errors import ServiceFailed
from pywats_archive.models.operation.service import ServiceFacts
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import WORKERS, Alerts
from pywats_archive.pipeline.background.jobs import BackgroundJobs
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.pipeline.processing.work_queue import WorkQueue

CHECK_EVERY_S = 1.0


class Vitals:
    """Checks the parts of one service, in the service's own thread."""

    def __init__(
        self,
        pool: ArchivePool,
        alerts: Alerts,
        processes: ConverterProcesses,
        outbox: Outbox,
        work: WorkQueue,
        jobs: BackgroundJobs,
        *,
        facts: Callable[[float], ServiceFacts],
        subject: str,
        clock: Clock,
    ) -> None:
        """``facts`` returns what the heartbeats say, at a moment of the monotonic clock.

        ``subject``: the subject of alerts on the whole service, the path of its configuration.
        """
        self._pool = pool
        self._alerts = alerts
        self._processes = processes
        self._now = clock
        self._outbox = outbox
        self._work = work
        self._jobs = jobs
        self._facts = facts
        self._subject = subject
        self._heartbeats: dict[Archive, Heartbeat] = {}
        self._checked_at_s = float("-inf")

    def check(self, now_s: float) -> None:
        """Check all parts, at most once a second; ServiceFailed when one has ended. ``now_s`` is of a monotonic clock."""
        if now_s - self._checked_at_s < CHECK_EVERY_S:
            return
        self._checked_at_s = now_s
        self._beat(now_s)  # first: the sign of a service that ends now shows that it died
        if not self._outbox.is_running:
            raise ServiceFailed(
                "the outbox ended, so no report is sent any longer; see 'outbox.ended' in the log, then restart the service"
            )
        if not self._work.is_served:
            raise ServiceFailed("all threads that process sources ended; see the log, then restart the service")
        if ended := self._jobs.ended:
            raise ServiceFailed(f"the thread of the {ended[0]} ended; see the log, then restart the service")
        self._check_workers()

    def end(self) -> None:
        """Record in each archive that the service ended in order."""
        for heartbeat in self._heartbeats.values():
            heartbeat.end()

    def _beat(self, now_s: float) -> None:
        archives = self._pool.archives
        for archive in [each for each in self._heartbeats if each not in archives]:
            self._heartbeats.pop(archive).end()
        facts = self._facts(now_s)
        for archive in archives:
            self._heartbeats.setdefault(archive, Heartbeat(archive, clock=self._now)).beat(now_s, facts)

    def _check_workers(self) -> None:
        processes, alerts = self._processes, self._alerts
        processes.revive()
        if trouble := processes.trouble:
            alerts.raise_alert(WORKERS, self._subject, reason=trouble)
        else:
            alerts.clear(WORKERS, self._subject)
