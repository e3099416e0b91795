"""Tasks on this machine's processors: as many at once as there are converter processes."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice

from pywats_archive.config.vault import VaultSettings
from pywats_archive.conversion.pool.main_script import require_guard
from pywats_archive.plant.replaying.engines.scheduler import Ended
from pywats_archive.plant.replaying.work.process import ReplayProcess
from pywats_archive.plant.replaying.work.task import Outcome, Task, carry_out

_CHECK_S = 0.2


def ended_here(tasks: Iterable[Task], settings: VaultSettings, processes: int) -> Generator[Ended, None, None]:
    """Carry out tasks and yield each with its outcome, or with the error that ended it, as they end.

    Whoever stops before the end interrupts the conversions in progress; their segments have no result.
    """
    require_guard()
    waiting = iter(tasks)
    with (
        closing(ReplayProcess(settings, processes)) as process,
        ThreadPoolExecutor(processes, thread_name_prefix="replay") as pool,
    ):
        going: dict[Future[Outcome], Task] = {}
        try:
            while True:
                for task in islice(waiting, processes + 1 - len(going)):
                    going[pool.submit(carry_out, task, process)] = task
                if not going:
                    return
                ended, _ = wait(going, timeout=_CHECK_S, return_when=FIRST_COMPLETED)
                for future in ended:
                    error = future.exception()
                    if error is not None and not isinstance(error, Exception):
                        raise error
                    yield going.pop(future), error or future.result()
        except BaseException:
            process.close()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
