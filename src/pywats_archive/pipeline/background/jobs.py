"""The jobs that run beside the processing of sources: scrub and retention."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.background.clock import ClockJob
from pywats_archive.pipeline.background.retention import RetentionJob
from pywats_archive.pipeline.background.scrub import ScrubJob
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.mounts.pool import ArchivePool


class BackgroundJobs:
    """Starts all jobs; ``close`` ends them. ``lanes`` may change and is read again in each round."""

    def __init__(
        self,
        lanes: Iterable[Lane],
        pool: ArchivePool,
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        timekeeping: ClockJob,
        is_busy: Callable[[], bool],
    ) -> None:
        self._pool = pool
        self._scrub = ScrubJob(lanes, alerts, tasks=tasks, is_busy=is_busy, using=pool.lease)
        self._retention = RetentionJob(
            lanes, alerts, tasks=tasks, timekeeping=timekeeping, is_busy=is_busy, using=pool.lease
        )
        self.reclaim_space()

    def reclaim_space(self) -> None:
        """Let retention free space on the disk of each archive in use before the disk is called low."""
        for mount in self._pool.mounts:
            if mount.is_used:
                mount.disk.reclaim = partial(self._retention.reclaim, mount.root)

    @property
    def is_idle(self) -> bool:
        """Whether retention has done the work that was due at the start, and freed the space it was asked for."""
        return self._retention.is_idle

    def close(self) -> None:
        """End after the current entry of the scrub and the current batch of a purge."""
        self._scrub.close()
        self._retention.close()
