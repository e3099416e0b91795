"""Tasks on the workers of a scheduler of Dask, which only executes: what counts is the result in the vault.

A scheduler that is lost, or forgets everything, costs the tasks that were going on, which are given to it again.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import structlog
from distributed import Client, Future, Security, get_worker
from distributed.scheduler import KilledWorker

from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ArchiveError, ConversionInterrupted, VaultAway
from pywats_archive.plant.replaying.engines.scheduler import Ended, Scheduler
from pywats_archive.plant.replaying.work.process import of_this_process
from pywats_archive.plant.replaying.work.task import Outcome, Task, carry_out

log = structlog.get_logger()

_CONNECT_S, _PATIENCE_S = 10.0, 600.0
"""How long one try to connect may take, and how long a lost scheduler is waited for."""
_POLL_S, _COUNT_S, _FIRST_COUNT_S = 0.1, 5.0, 0.5
_MOST_TRIES = 3
_SENT = ("vault_url", "vault_endpoint", "vault_region")
"""What a worker is told of the vault; its credentials are its own."""


def ended_there(tasks: Iterable[Task], settings: VaultSettings, scheduler: Scheduler) -> Generator[Ended, None, None]:
    """Carry out tasks on the workers and yield each with its outcome, or with the error that ended it, as they end.

    ArchiveError if the scheduler cannot be reached, or does not come back. Whoever stops early cancels what is going on.
    """
    settings_sent = {name: value for name, value in settings.model_dump().items() if name in _SENT}
    dispatching = _Dispatching(tasks, settings_sent, scheduler)
    lost_s: float | None = None
    while dispatching.has_work:
        try:
            with _client_of(scheduler) as client:
                lost_s = None
                yield from dispatching.ended(client)
        except OSError as exc:  # Dask's errors of connections and its time-outs are among them
            lost_s = time.monotonic() if lost_s is None and dispatching.was_connected else lost_s
            if lost_s is None or time.monotonic() - lost_s > _PATIENCE_S:
                raise ArchiveError(f"{scheduler.address}: the scheduler cannot be reached ({exc})") from exc
            log.warning("replay.scheduler_lost", scheduler=scheduler.address, reason=str(exc))
            dispatching.give_back()
            time.sleep(1.0)


def _client_of(scheduler: Scheduler) -> Client:
    return Client(
        scheduler.address, security=security_of(scheduler, "client"), timeout=_CONNECT_S, set_as_default=False
    )


def security_of(scheduler: Scheduler, role: str) -> Security | None:
    """Return the certificates of a client or a worker; None without TLS."""
    if not scheduler.is_tls:
        return None
    files = {
        "tls_ca_file": scheduler.ca_file,
        f"tls_{role}_cert": scheduler.certificate,
        f"tls_{role}_key": scheduler.key,
    }
    return Security(require_encryption=True, **{name: str(path) for name, path in files.items()})


def on_worker(settings: Mapping[str, Any], task: Task) -> Outcome:
    """Carry out a task in a process of a worker."""
    return carry_out(task, of_this_process(settings, get_worker().state.nthreads))


class _Lost(OSError):
    """The scheduler is gone, or has forgotten what it was given."""


class _Dispatching:
    """Gives tasks to a scheduler, a few more than its workers can carry out at once."""

    def __init__(self, tasks: Iterable[Task], settings: Mapping[str, Any], scheduler: Scheduler) -> None:
        self._waiting = deque(tasks)
        self._settings = settings
        self._scheduler = scheduler
        self._going: dict[Future[Outcome], Task] = {}
        self._tries = Counter[str]()
        self._counted_s = self._warned_s = 0.0
        self._most = 0
        self.was_connected = False

    @property
    def has_work(self) -> bool:
        """Whether a task has not ended yet."""
        return bool(self._waiting or self._going)

    def ended(self, client: Client) -> Iterator[Ended]:
        """Yield the tasks that end; OSError when the connection is lost."""
        self.was_connected, self._counted_s = True, 0.0
        try:
            while self.has_work:
                self._fill(client)
                if client.status != "running":
                    raise _Lost(f"the connection is {client.status}")
                ended = [future for future in self._going if future.done()]
                if not ended:
                    time.sleep(_POLL_S)
                for future in ended:
                    yield from self._outcome(future)
        except BaseException:
            with suppress(Exception):
                client.cancel(list(self._going), force=True)
            raise

    def give_back(self) -> None:
        """Let the tasks that were going on wait again."""
        self._waiting.extendleft(self._going.values())
        self._going.clear()

    def _fill(self, client: Client) -> None:
        if time.monotonic() - self._counted_s > (_COUNT_S if self._most else _FIRST_COUNT_S):
            threads = sum(client.nthreads().values())
            self._most, self._counted_s = 2 * threads, time.monotonic()
            self._warn_without_worker(threads)
        while self._waiting and len(self._going) < self._most:
            task = self._waiting.popleft()
            key = f"replay-{task.run}-{uuid.uuid4().hex}"
            self._going[client.submit(on_worker, self._settings, task, key=key, pure=False)] = task

    def _warn_without_worker(self, threads: int) -> None:
        if threads:
            self._warned_s = 0.0
        elif time.monotonic() - self._warned_s > _COUNT_S:
            log.warning("replay.no_worker", scheduler=self._scheduler.address)
            self._warned_s = time.monotonic()

    def _outcome(self, future: Future[Outcome]) -> Iterator[Ended]:
        if future.status in ("cancelled", "lost"):
            raise _Lost("the scheduler has forgotten its tasks")
        task = self._going[future]
        if future.status == "finished":
            outcome = future.result()
            del self._going[future]  # not before: while the answer is fetched, the connection can be lost
            yield task, outcome
            return
        error = future.exception()
        del self._going[future]
        self._tries[task.segment.key] += 1
        if self._is_worth_another_try(error) and self._tries[task.segment.key] < _MOST_TRIES:
            self._waiting.append(task)
        else:
            yield task, error if isinstance(error, Exception) else ArchiveError(str(error))

    @staticmethod
    def _is_worth_another_try(error: BaseException) -> bool:
        return isinstance(error, VaultAway | ConversionInterrupted | KilledWorker)
