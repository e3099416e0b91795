"""Worker processes with a time limit: a converter that hangs, crashes or exits fails its own source and only that."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import TimeoutError as OutOfTime
from types import TracebackType
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from pywats_archive.errors import ArchiveError
from pywats_archive.host import worker

Job = TypeVar("Job")
Result = TypeVar("Result")


class ConverterKilled(ArchiveError):
    """The converter's process was ended."""


class ConverterProcesses:
    """A pool of ``count`` spawned processes; safe to use from many threads."""

    def __init__(self, count: int) -> None:
        self.count = count
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPool(max_workers=count, context=spawn, initializer=_prepare)

    def run(self, function: Callable[[Job], Result], job: Job, *, timeout_s: float) -> Result:
        """Run ``function(job)`` in a process and wait; ConverterKilled after ``timeout_s`` or when the process ends."""
        future = self._pool.schedule(function, args=[job], timeout=timeout_s)
        try:
            result: Result = future.result()
        except OutOfTime as exc:
            raise ConverterKilled(f"the converter ran longer than {timeout_s:g} s and was ended") from exc
        except ProcessExpired as exc:
            raise ConverterKilled(f"the converter's process ended by itself ({_cause(exc)})") from exc
        except Exception as exc:
            raise ConverterKilled(f"the converter's result did not come back ({type(exc).__name__}: {exc})") from exc
        return result

    def close(self) -> None:
        """End all processes; what runs is ended with them."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def __enter__(self) -> ConverterProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker.prepare()


def _cause(expired: ProcessExpired) -> str:
    code = expired.exitcode
    if code is None:
        return "no exit code"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
