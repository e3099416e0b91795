"""Worker processes with a time limit: a converter that hangs, crashes or exits fails its own source and only that."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from types import TracebackType
from typing import TypeVar

from pywats_archive.conversion.exits import cause_of, is_from_outside
from pywats_archive.conversion.time_limit import TimeLimit
from pywats_archive.conversion.worker_process import Ended, OutOfTime, WorkerProcess
from pywats_archive.errors import ArchiveError, ConversionInterrupted, WorkersUnavailable
from pywats_archive.host import worker
from pywats_archive.host.announcing import Announcement
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.serving import Answer
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import utc_now

START_S = 60.0
"""How long a process may take until it is ready for its first call."""
REST_S = 3.0
"""After a start that failed nobody tries it again for so long."""
GRACE_S = 1.0
"""A service may learn of the end of its process group a little later than its workers."""
_SLICE_S = 0.5
_MOST_TRIES = 5
Job = TypeVar("Job")
Result = TypeVar("Result")


class AtStop(Enum):
    """What becomes of a call when the service stops."""

    FINISH = "finish"
    """What runs in a process is finished; nothing is begun."""
    END = "end"
    """It ends at once."""
    BEGIN = "begin"
    """It is begun and finished: it belongs to what has ended already."""


class ConverterKilled(ArchiveError):
    """The converter's process was ended."""

    ran_s: float = 0.0
    """How long the converter ran."""
    announced: Announcement | None = None
    """The code that it ran, if it came to say so."""

    def as_result(self) -> ConversionResult:
        """Return it as a FAILED result."""
        return ConversionResult(
            status=ConversionStatus.FAILED,
            error=str(self),
            converter=self.announced.converter if self.announced else None,
            code=self.announced.code if self.announced else None,
            started_at=utc_now() - timedelta(seconds=self.ran_s),
            duration_ms=_ms(self.ran_s),
        )


class ConverterProcesses:
    """A pool of ``count`` spawned processes; safe to use from many threads.

    Once ``stopping`` is set, the end of a process says nothing of what it did: ConversionInterrupted.
    """

    def __init__(self, count: int, *, give_way: bool = False, stopping: threading.Event | None = None) -> None:
        """``give_way``: they have what other processes leave of the processors."""
        self.count = count
        self._give_way = give_way
        self._stopping = stopping or threading.Event()
        self._closed = threading.Event()
        self._slots = threading.Semaphore(count)
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._mutex = threading.Lock()
        self._trouble: str | None = None
        self._rest_until_s = 0.0

    @property
    def trouble(self) -> str | None:
        """Why no process could be started the last time that one was needed."""
        return self._trouble

    def run(
        self, function: Callable[[Job], Result], job: Job, *, timeout_s: float, at_stop: AtStop = AtStop.FINISH
    ) -> Result:
        """Run ``function(job)`` in a process and wait; ConverterKilled after ``timeout_s`` or when the process ends.

        What the converter started ends with its process. WorkersUnavailable when there is no process to be had,
        ConversionInterrupted when the service stops, as ``at_stop`` says, or when the process ends meanwhile.
        """
        result, _, _ = self._run(function, job, timeout_s, at_stop)
        return result

    def convert(self, job: ConversionJob, *, timeout_s: float) -> ConversionResult:
        """Convert one source; that its process was ended is a FAILED result too."""
        try:
            result, ran_s, announced = self._run(worker.convert, job, timeout_s, AtStop.FINISH)
        except ConverterKilled as exc:
            return exc.as_result()
        result = replace(result, code=announced.code) if announced else result
        # a worker's clock goes on while the machine sleeps, on Windows
        return result if result.duration_ms <= _ms(ran_s) else replace(result, duration_ms=_ms(ran_s))

    def revive(self) -> None:
        """Try to start a process again if the last try failed, without waiting for it."""
        if self._trouble is None or time.monotonic() < self._rest_until_s:
            return
        with self._mutex, suppress(WorkersUnavailable, ConversionInterrupted):
            starting = next((each for each in self._idle if not each.is_ready), None)
            if starting is None and len(self._all) < self.count:
                self._idle.append(self._started())
            elif starting and starting.has_message():
                self._idle.remove(starting)
                self._await_ready(starting)
                self._idle.append(starting)

    def close(self) -> None:
        """End all processes; what runs is interrupted. Idempotent."""
        self._closed.set()
        with self._mutex:
            idle, self._idle = self._idle, []
            running = self._all.difference(idle)
            self._all = running
        for each in running:
            each.kill()  # whoever waits for it ends it
        for each in idle:
            each.end()

    def __enter__(self) -> ConverterProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(
        self, function: Callable[[Job], Result], job: Job, timeout_s: float, at_stop: AtStop
    ) -> tuple[Result, float, Announcement | None]:
        """Return the result, how long it took, and the code that was announced.

        What a stop may have spoilt is done once more, unless there is a stop.
        """
        for _ in range(2):
            outcome, ran_s, announced = self._once(function, job, timeout_s, at_stop)
            if not _may_be_spoilt(outcome):
                break
            self._require_no_stop(within_s=GRACE_S)
        if isinstance(outcome, Ended):
            self._require_no_stop()
            raise _killed(f"the converter's process {cause_of(outcome.exit_code)}", ran_s, announced)
        if outcome.error:
            raise outcome.error
        if outcome.problem:
            raise _killed(f"the converter's result did not come back ({outcome.problem})", ran_s, announced)
        return outcome.value, ran_s, announced

    def _once(
        self, function: Callable[[Job], Result], job: Job, timeout_s: float, at_stop: AtStop
    ) -> tuple[Answer | Ended, float, Announcement | None]:
        for _ in range(_MOST_TRIES):
            with self._process(at_stop) as lent:
                try:
                    lent.process.call(function, job)
                except OSError:  # it is gone since its last call, and nothing was begun
                    continue
                limit = TimeLimit(timeout_s)
                try:
                    outcome = lent.process.receive(limit, lambda: self._require_running(ends=at_stop is AtStop.END))
                except OutOfTime:
                    message = f"the converter ran longer than {timeout_s:g} s and was ended"
                    raise _killed(message, limit.lived_s, lent.process.announced) from None
                lent.is_fit = isinstance(outcome, Answer) and outcome.is_fit
                return outcome, limit.lived_s, lent.process.announced
        raise WorkersUnavailable("worker processes end before they take a call; check what else ends processes here")

    @contextmanager
    def _process(self, at_stop: AtStop) -> Iterator[_Lent]:
        """Lend a process that is ready; unless it is fit for another call it is ended then."""
        while not self._slots.acquire(timeout=_SLICE_S):
            self._require_running(ends=at_stop is not AtStop.BEGIN)
        try:
            self._require_running(ends=at_stop is not AtStop.BEGIN)
            lent = _Lent(self._ready())
            try:
                yield lent
            finally:
                self._take_back(lent)
        finally:
            self._slots.release()

    def _ready(self) -> WorkerProcess:
        with self._mutex:
            if not self._all:
                self._start_all()
            process = self._pick() or self._started()
        if not process.is_ready:
            self._await_ready(process)
        return process

    def _take_back(self, lent: _Lent) -> None:
        with self._mutex:
            is_kept = lent.is_fit and not self._closed.is_set()
            if is_kept:
                self._idle.append(lent.process)
            else:
                self._all.discard(lent.process)
        if not is_kept:
            lent.process.end()

    def _pick(self) -> WorkerProcess | None:
        """Take the idle process that was used last, else one that has started, else any."""
        best = next((each for each in reversed(self._idle) if each.is_ready or each.has_message()), None)
        best = best or (self._idle[-1] if self._idle else None)
        if best:
            self._idle.remove(best)
        return best

    def _start_all(self) -> None:
        """Start them side by side: each takes a while to be ready."""
        for _ in range(self.count):
            try:
                self._idle.append(self._started())
            except WorkersUnavailable:
                if not self._idle:
                    raise
                return

    def _started(self) -> WorkerProcess:
        if self._trouble and time.monotonic() < self._rest_until_s:
            raise WorkersUnavailable(self._trouble)
        try:
            process = WorkerProcess(give_way=self._give_way)
        except OSError as exc:
            raise self._failed(str(exc.strerror or exc)) from exc
        self._all.add(process)
        return process

    def _await_ready(self, process: WorkerProcess) -> None:
        try:
            outcome = process.receive(TimeLimit(START_S), self._require_no_stop)
        except OutOfTime:
            why: str | None = f"it was not ready within {START_S:g} s"
        except BaseException:
            self._drop(process)
            raise
        else:
            why = f"it {cause_of(outcome.exit_code)}" if isinstance(outcome, Ended) else outcome.problem
        if why:
            self._drop(process)
            self._require_no_stop()
            raise self._failed(why)
        process.is_ready = True
        self._trouble = None

    def _drop(self, process: WorkerProcess) -> None:
        self._all.discard(process)
        process.end()

    def _failed(self, why: str) -> WorkersUnavailable:
        self._trouble = (
            f"no worker process can be started ({why}); check the Python installation and the system's limits"
        )
        self._rest_until_s = time.monotonic() + REST_S
        return WorkersUnavailable(self._trouble)

    def _require_running(self, *, ends: bool) -> None:
        """Raise ConversionInterrupted once the pool is closed, or if ``ends``, once the service stops."""
        if self._closed.is_set() or (ends and self._stopping.is_set()):
            raise ConversionInterrupted

    def _require_no_stop(self, *, within_s: float = 0.0) -> None:
        """Raise ConversionInterrupted if the service stops, or begins to within that time."""
        if self._stopping.wait(within_s) or self._closed.is_set():
            raise ConversionInterrupted


class _Lent:
    """A process that is in use."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.is_fit = False


def _may_be_spoilt(outcome: Answer | Ended) -> bool:
    return is_from_outside(outcome.exit_code) if isinstance(outcome, Ended) else outcome.is_disturbed


def _killed(message: str, ran_s: float, announced: Announcement | None) -> ConverterKilled:
    error = ConverterKilled(message)
    error.ran_s, error.announced = ran_s, announced
    return error


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
