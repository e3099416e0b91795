"""The worker processes of a pool: started when needed, lent one at a time, ended with the pool."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from contextlib import suppress

from pywats_archive.conversion.pool.exits import cause_of
from pywats_archive.conversion.pool.time_limit import TimeLimit
from pywats_archive.conversion.pool.worker_process import Ended, OutOfTime, WorkerProcess
from pywats_archive.errors import ConversionInterrupted, WorkersUnavailable

START_S = 60.0
"""How long a process may take until it is ready for its first call."""
REST_S = 3.0
"""How long no process is started after a failed start."""


class Stopping:
    """Whether the service stops or the pool is closed."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.closed = threading.Event()

    def require_running(self, *, ends: bool) -> None:
        """Raise ConversionInterrupted once the pool is closed or, if ``ends``, the service stops."""
        if self.closed.is_set() or (ends and self._stopping.is_set()):
            raise ConversionInterrupted

    def require_no_stop(self, *, within_s: float = 0.0) -> None:
        """Raise ConversionInterrupted if the service stops, or begins to stop within that time."""
        if self._stopping.wait(within_s) or self.closed.is_set():
            raise ConversionInterrupted


class Workers:
    """Up to ``count`` processes, idle or lent; safe to use from many threads."""

    def __init__(self, count: int, *, lower_priority: bool, stopping: Stopping, without: Collection[str] = ()) -> None:
        self._count = count
        self._lower_priority = lower_priority
        self._without = tuple(without)
        self._stopping = stopping
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._mutex = threading.Lock()
        self._rest_until_s = 0.0
        self.trouble: str | None = None
        """Why the last start of a process failed; None if it did not."""

    @property
    def all(self) -> frozenset[WorkerProcess]:
        """Every process, idle or lent."""
        return frozenset(self._all)

    def lend(self) -> WorkerProcess:
        """Return a process that is ready; WorkersUnavailable if none can be started. Whoever borrows it gives it back."""
        with self._mutex:
            if not self._all:
                self._start_all()
            process = self._pick() or self._started()
        if not process.is_ready:
            self._await_ready(process)
        return process

    def put_back(self, process: WorkerProcess, *, is_fit: bool) -> None:
        """Return a process to the pool, or end it if it is not fit for another call or the pool is closed."""
        with self._mutex:
            is_kept = is_fit and not self._stopping.closed.is_set()
            if is_kept:
                self._idle.append(process)
            else:
                self._all.discard(process)
        if not is_kept:
            process.end()

    def revive(self) -> None:
        """Start a process again if the last start failed, without waiting until the process is ready."""
        if self.trouble is None or time.monotonic() < self._rest_until_s:
            return
        with self._mutex, suppress(WorkersUnavailable, ConversionInterrupted):
            starting = next((each for each in self._idle if not each.is_ready), None)
            if starting is None and len(self._all) < self._count:
                self._idle.append(self._started())
            elif starting and starting.has_message():
                self._idle.remove(starting)
                self._await_ready(starting)
                self._idle.append(starting)

    def close(self) -> None:
        """End all processes; calls in progress are interrupted. Idempotent."""
        self._stopping.closed.set()
        with self._mutex:
            idle, self._idle = self._idle, []
            lent = tuple(self._all.difference(idle))
            self._all = set(lent)  # each is given back, and discarded here, as soon as it is killed
        for each in lent:
            each.kill()  # the thread that waits for its answer ends it
        for each in idle:
            each.end()

    def _pick(self) -> WorkerProcess | None:
        """Take the idle process that was used last, else one that has started, else any."""
        best = next((each for each in reversed(self._idle) if each.is_ready or each.has_message()), None)
        best = best or (self._idle[-1] if self._idle else None)
        if best:
            self._idle.remove(best)
        return best

    def _start_all(self) -> None:
        """Start all processes at the same time, since each takes a while until it is ready."""
        for _ in range(self._count):
            try:
                self._idle.append(self._started())
            except WorkersUnavailable:
                if not self._idle:
                    raise
                return

    def _started(self) -> WorkerProcess:
        if self.trouble and time.monotonic() < self._rest_until_s:
            raise WorkersUnavailable(self.trouble)
        try:
            process = WorkerProcess(lower_priority=self._lower_priority, without=self._without)
        except OSError as exc:
            raise self._failed(str(exc.strerror or exc)) from exc
        self._all.add(process)
        return process

    def _await_ready(self, process: WorkerProcess) -> None:
        try:
            outcome = process.receive(TimeLimit(START_S), self._stopping.require_no_stop)
        except OutOfTime:
            why: str | None = f"it was not ready within {START_S:g} s"
        except BaseException:
            self._drop(process)
            raise
        else:
            why = f"it {cause_of(outcome.exit_code)}" if isinstance(outcome, Ended) else outcome.problem
        if why:
            self._drop(process)
            self._stopping.require_no_stop()
            raise self._failed(why)
        process.is_ready = True
        self.trouble = None

    def _drop(self, process: WorkerProcess) -> None:
        self._all.discard(process)
        process.end()

    def _failed(self, why: str) -> WorkersUnavailable:
        self.trouble = (
            f"no worker process can be started ({why}); check the Python installation and the system's limits"
        )
        self._rest_until_s = time.monotonic() + REST_S
        return WorkersUnavailable(self.trouble)
