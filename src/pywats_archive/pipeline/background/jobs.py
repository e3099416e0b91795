"""The jobs beside the processing of sources, each in a thread: scrub, retention, copies, anchors, time stamps, vault, notes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial

from pywats_archive.config import StationConfig
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.background.accesses import AccessJob
from pywats_archive.pipeline.background.anchors import AnchorJob
from pywats_archive.pipeline.background.clock import ClockJob
from pywats_archive.pipeline.background.copies import CopyJob
from pywats_archive.pipeline.background.retention import RetentionJob
from pywats_archive.pipeline.background.scrub import ScrubJob
from pywats_archive.pipeline.background.shipping import ShipJob
from pywats_archive.pipeline.background.stamps import StampJob
from pywats_archive.pipeline.background.ticker import Ticker
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.mounts.pool import ArchivePool


class HistoryJobs:
    """Signs the history of each archive, and ships it to the vault; ``end`` does both once more, after all other parts."""

    def __init__(
        self, pool: ArchivePool, alerts: Alerts, *, tasks: IsolatedTasks, station: Callable[[], StationConfig]
    ) -> None:
        self.anchors = AnchorJob(pool, alerts, tasks=tasks, station=station)
        self.shipping = ShipJob(pool, alerts, tasks=tasks, station=station)
        self.running: tuple[str, ...] = ()
        """The job that ``end`` waits for at this moment."""

    def end(self) -> None:
        """Sign what happened since the last time, then ship it; never raises."""
        for name, job in (("anchors", self.anchors), ("vault", self.shipping)):
            self.running = (name,)
            job.end()
        self.running = ()


class BackgroundJobs:
    """Starts all jobs; ``close`` ends them.

    ``lanes`` may change and is read again in each step. ``subject`` is the subject of alerts on the jobs themselves.
    """

    def __init__(
        self,
        lanes: Iterable[Lane],
        pool: ArchivePool,
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        timekeeping: ClockJob,
        is_busy: Callable[[], bool],
        subject: str,
        histories: HistoryJobs,
        station: Callable[[], StationConfig],
        is_audit_required: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._stopping = threading.Event()
        self._scrub = ScrubJob(lanes, alerts, tasks=tasks, is_busy=is_busy, using=pool.lease)
        self._retention = RetentionJob(
            lanes,
            alerts,
            tasks=tasks,
            timekeeping=timekeeping,
            is_busy=is_busy,
            using=pool.lease,
            stopping=self._stopping,
        )
        self._copying = CopyJob(
            pool,
            alerts,
            tasks=tasks,
            backup_folder=lambda: station().backup_folder,
            clock=clock,
            stopping=self._stopping,
        )
        stamps = StampJob(pool, alerts, tasks=tasks, station=station, stopping=self._stopping)
        self._accesses = AccessJob(pool, tasks=tasks, is_required=is_audit_required)
        histories.shipping.require()  # before the first purge
        self._tickers = tuple(
            Ticker(name, job.step, self._stopping, tasks=tasks, subject=subject)
            for name, job in (
                ("scrub", self._scrub),
                ("retention", self._retention),
                ("copies", self._copying),
                ("anchors", histories.anchors),
                ("vault", histories.shipping),
                ("time stamps", stamps),
                ("accesses", self._accesses),
            )
        )
        self.reclaim_space()

    def reclaim_space(self) -> None:
        """Let retention free space on the disk of each archive in use before the disk is called low."""
        for mount in self._pool.mounts:
            if mount.is_used:
                mount.disk.reclaim = partial(self._retention.reclaim, mount.root)

    @property
    def is_idle(self) -> bool:
        """Whether what was due at the start is done, and space that was asked for is freed."""
        return self._retention.is_idle and self._copying.is_idle and self._accesses.is_idle

    @property
    def ended(self) -> tuple[str, ...]:
        """The names of the jobs whose thread has ended."""
        return tuple(ticker.name for ticker in self._tickers if not ticker.is_running)

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the jobs whose thread has not ended."""
        return tuple(ticker.name for ticker in self._tickers if ticker.is_running)

    def close(self) -> None:
        """End after the current entry of the scrub and the current batch of a purge."""
        self._stopping.set()
        for ticker in self._tickers:
            ticker.join()
        self._scrub.end()
        self._retention.end()
        self._accesses.end()
