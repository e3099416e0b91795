"""Worker processes with a time limit: a converter that hangs, crashes or exits fails its own source and only that."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as OutOfTime
from datetime import timedelta
from types import TracebackType
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from pywats_archive import portable
from pywats_archive.errors import ArchiveError, ConverterUnavailable
from pywats_archive.host import worker
from pywats_archive.host.fence import LEFT_EXIT_CODE, SILENT_EXIT_CODE, end_session
from pywats_archive.host.job import ConversionJob
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.time import utc_now

_MOST_TRIES = 5
_LONGEST_LINE = 2000
Job = TypeVar("Job")
Result = TypeVar("Result")


class ConverterKilled(ArchiveError):
    """The converter's process was ended."""


class ConverterProcesses:
    """A pool of ``count`` spawned processes; safe to use from many threads."""

    def __init__(self, count: int, *, give_way: bool = False) -> None:
        """``give_way``: they have what other processes leave of the processors."""
        self.count = count
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPool(max_workers=count, context=spawn, initializer=_prepare, initargs=[give_way])
        self._workers: set[int] = set()
        self._mutex = threading.Lock()

    def run(self, function: Callable[[Job], Result], job: Job, *, timeout_s: float) -> Result:
        """Run ``function(job)`` in a process and wait; ConverterKilled after ``timeout_s`` or when the process ends.

        What the converter started ends with its process.
        """
        for _ in range(_MOST_TRIES):
            if len(self._workers) < self.count:
                self._end_orphans()
            future = self._pool.schedule(function, args=[job], timeout=timeout_s)
            try:
                result: Result = future.result()
            except OutOfTime as exc:
                self._end_orphans()
                raise ConverterKilled(f"the converter ran longer than {timeout_s:g} s and was ended") from exc
            except ProcessExpired as exc:
                self._end_orphans()
                if exc.exitcode != LEFT_EXIT_CODE:
                    raise ConverterKilled(f"the converter's process ended by itself ({_cause(exc)})") from exc
            except ConverterUnavailable:
                raise
            except Exception as exc:
                told = f"{type(exc).__name__}: {exc}"[:_LONGEST_LINE]
                raise ConverterKilled(f"the converter's result did not come back ({told})") from exc
            else:
                return result
        raise ConverterKilled("no process was fit to run the converter: each was left unfit by the one before")

    def convert(self, job: ConversionJob, *, timeout_s: float) -> ConversionResult:
        """Convert one source; that its process was ended is a FAILED result too.

        When that one began is known from its end: it waited for a process before, but ran for ``timeout_s`` at most.
        """
        asked_s = time.monotonic()
        try:
            return self.run(worker.convert, job, timeout_s=timeout_s)
        except ConverterKilled as exc:
            ran = timedelta(seconds=min(time.monotonic() - asked_s, timeout_s))
            return ConversionResult(
                status=ConversionStatus.FAILED,
                error=str(exc),
                started_at=utc_now() - ran,
                duration_ms=ran // timedelta(milliseconds=1),
            )

    def _end_orphans(self) -> None:
        """Note which workers there are, and end what those have started that are gone: nobody else is in their sessions."""
        with self._mutex:
            alive = {process.pid for process in multiprocessing.active_children() if process.pid}
            gone, self._workers = self._workers - alive, alive
        for worker_pid in gone:
            end_session(worker_pid)

    def close(self) -> None:
        """End all processes; what runs is ended with them."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self._end_orphans()

    def __enter__(self) -> ConverterProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare(give_way: bool) -> None:
    if give_way:
        portable.give_way()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker.prepare()


def _cause(expired: ProcessExpired) -> str:
    code = expired.exitcode
    if code is None:
        return "no exit code"
    if code == SILENT_EXIT_CODE:
        return "exit code 0"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
