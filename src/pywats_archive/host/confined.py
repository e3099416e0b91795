"""Keeping a converter to itself: what it prints, where it changes to, whatever it raises."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.cutting import beginning, end, know_job
from pywats_archive.host.fence import FENCE
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.reports import NotJson
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus

_LONGEST_LINE, _LONGEST_TEXT = 2000, 100_000
_OUT_OF_MEMORY = (
    "the converter needed more memory than it may have; raise memory_limit_mb if the file is as it should be"
)
_LONGEST_TRACEBACK = 100_000
_STDOUT, _STDERR = 1, 2


def silence_output() -> None:
    """Send what this process and its children print nowhere, for good.

    Only for worker processes: the service's own standard output may be a JSON document, and its log be of any length.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)


@contextlib.contextmanager
def confined(job: ConversionJob) -> Iterator[list[str]]:
    """Keep a converter to its memory and to itself; gives what it left behind, which is known at the end.

    What it prints goes nowhere. Its folder, environment, search path, file mode mask and recursion limit are the next one's
    as they were; its processes are ended, and a worker process in which it left threads takes no further job.
    """
    know_job(job)
    left: list[str] = []
    threads = set(threading.enumerate())
    with (
        _state_kept(),
        open(os.devnull, "w", encoding="utf-8", errors="replace") as nowhere,  # noqa: PTH123
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        try:
            with FENCE.memory_limited(job.memory_limit_mb):
                yield left
        finally:
            left += FENCE.leave(threads)


@contextlib.contextmanager
def _state_kept() -> Iterator[None]:
    folder, environment, path = _here(), dict(os.environ), list(sys.path)
    depth, mask = sys.getrecursionlimit(), os.umask(0o077)
    os.umask(mask)
    try:
        yield
    finally:
        os.chdir(folder)
        os.umask(mask)
        sys.setrecursionlimit(depth)
        sys.path[:] = path
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)


def _here() -> str:
    """Give the current folder; the root when it was removed, as may happen to a service that runs for long."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return os.path.abspath(os.sep)  # noqa: PTH100


def guarded(attempt: Callable[[], ConversionResult]) -> ConversionResult:
    """Make the attempt; whatever it raises becomes a FAILED result, also what is meant to end a program."""
    try:
        return attempt()
    except BaseException as exc:
        return failure(exc)


def failure(exc: BaseException) -> ConversionResult:
    """Tell an exception as a FAILED result: one line, and the traceback where it is the converter's."""
    if isinstance(exc, NotJson):
        return ConversionResult(status=ConversionStatus.FAILED, error=flat(exc))
    if isinstance(exc, ConverterUnavailable):
        trace = _trace(exc.__cause__) if exc.__cause__ else None
        return ConversionResult(status=ConversionStatus.FAILED, error=flat(exc), traceback=trace, is_unavailable=True)
    if isinstance(exc, MemoryError):
        return ConversionResult(status=ConversionStatus.FAILED, error=_OUT_OF_MEMORY, traceback=_trace(exc))
    return ConversionResult(status=ConversionStatus.FAILED, error=one_line(exc), traceback=_trace(exc))


def one_line(exc: BaseException) -> str:
    """Name an exception and its message in one line."""
    return f"{type(exc).__name__}: {flat(exc)}"


def flat(text: object) -> str:
    """Put a text on one line, and cut it where nobody would read on."""
    try:
        told = str(text)
    except Exception as exc:
        told = f"(it fails to say what it is: {type(exc).__name__})"
    return beginning(" ".join(beginning(told, _LONGEST_TEXT).split()), _LONGEST_LINE)


def _trace(exc: BaseException) -> str:
    try:
        return end("".join(traceback.format_exception(type(exc), exc, exc.__traceback__)), _LONGEST_TRACEBACK)
    except Exception:  # an exception may fail to say what it is
        return end("".join(traceback.format_tb(exc.__traceback__)), _LONGEST_TRACEBACK)
