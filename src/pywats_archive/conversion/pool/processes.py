"""Conversions in worker processes with a time limit: a converter that hangs, crashes or exits fails only its own source."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from types import TracebackType
from typing import TypeVar

from pywats_archive.conversion.pool.exits import cause_of, is_from_outside
from pywats_archive.conversion.pool.time_limit import TimeLimit
from pywats_archive.conversion.pool.worker_process import Ended, OutOfTime, WorkerProcess
from pywats_archive.conversion.pool.workers import Stopping, Workers
from pywats_archive.errors import ArchiveError, WorkersUnavailable
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.worker import entry
from pywats_archive.host.worker.announcing import Announcement
from pywats_archive.host.worker.serving import Answer
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import utc_now

GRACE_S = 1.0
"""A service may receive a signal to its process group a little later than its workers."""
_SLICE_S = 0.5
_MOST_TRIES = 5
Job = TypeVar("Job")
Result = TypeVar("Result")


class AtStop(Enum):
    """What happens to a call when the service stops."""

    FINISH = "finish"
    """A call that runs in a process is finished; one that waits for a process is not started."""
    END = "end"
    """The call ends at once."""
    BEGIN = "begin"
    """The call is started and finished, since it belongs to a conversion that has ended."""


class ConverterKilled(ArchiveError):
    """The converter's process ended, or was ended."""

    ran_s: float = 0.0
    """How long the converter ran."""
    announced: Announcement | None = None
    """The code that it ran, if it announced that."""

    def as_result(self) -> ConversionResult:
        """Return this error as a FAILED result."""
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

    Once ``stopping`` is set, the end of a process is no result of its conversion: ConversionInterrupted.
    """

    def __init__(
        self,
        count: int,
        *,
        lower_priority: bool = False,
        without: Collection[str] = (),
        stopping: threading.Event | None = None,
    ) -> None:
        """``lower_priority``: the processes run at low priority. ``without``: environment variables that they do not have."""
        self.count = count
        self._stopping = Stopping(stopping or threading.Event())
        self._slots = threading.Semaphore(count)
        self._workers = Workers(count, lower_priority=lower_priority, without=without, stopping=self._stopping)

    @property
    def trouble(self) -> str | None:
        """Why the last start of a process failed; None if it did not."""
        return self._workers.trouble

    def run(
        self, function: Callable[[Job], Result], job: Job, *, timeout_s: float, at_stop: AtStop = AtStop.FINISH
    ) -> Result:
        """Run ``function(job)`` in a process and wait for the result; whatever the converter starts ends with the process.

        - ConverterKilled after ``timeout_s``, or if the process ends.
        - WorkersUnavailable if no process can be started.
        - ConversionInterrupted if the service stops, as ``at_stop`` says, or the process ends because of that.
        """
        result, _, _ = self._run(function, job, timeout_s, at_stop)
        return result

    def convert(self, job: ConversionJob, *, timeout_s: float) -> ConversionResult:
        """Convert one source; FAILED if its process is ended."""
        try:
            result, ran_s, announced = self._run(entry.convert, job, timeout_s, AtStop.FINISH)
        except ConverterKilled as exc:
            return exc.as_result()
        result = replace(result, code=announced.code) if announced else result
        # on Windows, a worker's clock also counts while the machine sleeps
        return result if result.duration_ms <= _ms(ran_s) else replace(result, duration_ms=_ms(ran_s))

    def revive(self) -> None:
        """Start a process again if the last start failed, without waiting until it is ready."""
        self._workers.revive()

    def close(self) -> None:
        """End all processes; conversions in progress are interrupted. Idempotent."""
        self._workers.close()

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

        A call that a stop signal may have disturbed is repeated once, unless the service stops.
        """
        for _ in range(2):
            outcome, ran_s, announced = self._once(function, job, timeout_s, at_stop)
            if not _may_be_disturbed(outcome):
                break
            self._stopping.require_no_stop(within_s=GRACE_S)
        if isinstance(outcome, Ended):
            self._stopping.require_no_stop()
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
                # Before the call: the process may be finished before this thread runs again.
                limit = TimeLimit(timeout_s)
                try:
                    lent.process.call(function, job)
                except OSError:  # it ended after its last call, and nothing was started
                    continue
                try:
                    outcome = lent.process.receive(
                        limit, lambda: self._stopping.require_running(ends=at_stop is AtStop.END)
                    )
                except OutOfTime:
                    message = f"the converter ran longer than {timeout_s:g} s and was ended"
                    raise _killed(message, limit.lived_s, lent.process.announced) from None
                lent.is_fit = isinstance(outcome, Answer) and outcome.is_fit
                return outcome, limit.lived_s, lent.process.announced
        raise WorkersUnavailable(
            "worker processes end before they accept a call; check what else ends processes on this computer"
        )

    @contextmanager
    def _process(self, at_stop: AtStop) -> Iterator[_Lent]:
        """Lend a process that is ready; it is ended afterwards unless it can take another call."""
        ends = at_stop is not AtStop.BEGIN
        while not self._slots.acquire(timeout=_SLICE_S):
            self._stopping.require_running(ends=ends)
        try:
            self._stopping.require_running(ends=ends)
            lent = _Lent(self._workers.lend())
            try:
                yield lent
            finally:
                self._workers.put_back(lent.process, is_fit=lent.is_fit)
        finally:
            self._slots.release()


class _Lent:
    """A process that is in use."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.is_fit = False


def _may_be_disturbed(outcome: Answer | Ended) -> bool:
    return is_from_outside(outcome.exit_code) if isinstance(outcome, Ended) else outcome.is_disturbed


def _killed(message: str, ran_s: float, announced: Announcement | None) -> ConverterKilled:
    error = ConverterKilled(message)
    error.ran_s, error.announced = ran_s, announced
    return error


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
