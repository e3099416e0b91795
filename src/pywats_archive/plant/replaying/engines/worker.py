"""A worker of a scheduler of Dask, in this process: as many tasks at once as it has threads, each with a converter process.

No nanny restarts it: Dask's nanny makes workers that may not start processes of their own.
"""

from __future__ import annotations

import asyncio
import tempfile

import dask
import structlog
from distributed import Worker

from pywats_archive.config.vault import VaultSettings
from pywats_archive.plant.replaying.engines.distributing import security_of
from pywats_archive.plant.replaying.engines.scheduler import Scheduler
from pywats_archive.plant.replaying.work.process import use

log = structlog.get_logger()
_AGAIN_S = 5.0
_QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.cycle": "10s",
    "distributed.admin.system-monitor.interval": "5s",
}
"""Dask looks at each thread 100 times a second, and at itself 50 times, for a dashboard that a worker does not have."""


def serve(scheduler: Scheduler, threads: int, settings: VaultSettings | None) -> None:
    """Work for a scheduler until this process is stopped; connect again whenever the scheduler is back.

    ``settings`` are those of the vault here, with the credentials; None: the tasks say where it is, and the environment has
    the credentials.
    """
    if settings:
        use(settings)
    with dask.config.set(_QUIET):
        asyncio.run(_serve(scheduler, threads))


async def _serve(scheduler: Scheduler, threads: int) -> None:
    while True:
        with tempfile.TemporaryDirectory(prefix="pywats-archive-worker-", ignore_cleanup_errors=True) as folder:
            try:
                async with Worker(
                    scheduler.address,
                    nthreads=threads,
                    host="127.0.0.1" if scheduler.is_local else None,
                    security=security_of(scheduler, "worker"),
                    local_directory=folder,
                    memory_limit=0,
                    dashboard=False,
                ) as worker:
                    log.info("replay.worker_ready", scheduler=scheduler.address, processes=threads)
                    await worker.finished()
            except OSError as exc:
                log.warning("replay.scheduler_away", scheduler=scheduler.address, reason=str(exc))
        await asyncio.sleep(_AGAIN_S)
