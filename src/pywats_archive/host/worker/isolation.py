"""Isolation of a converter: its output, its changes to the process, its exceptions."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.job import ConversionJob
from pywats_archive.host.reports import NotJson
from pywats_archive.host.worker.cutting import beginning, end, know_job
from pywats_archive.host.worker.sandbox import SANDBOX
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus

_LONGEST_LINE, _LONGEST_TEXT = 2000, 100_000
_OUT_OF_MEMORY = "the converter exceeded its memory limit; raise memory_limit_mb if the file is valid"
_LONGEST_TRACEBACK = 100_000
_STDOUT, _STDERR = 1, 2


def silence_output() -> None:
    """Discard the output of this process and its children, permanently.

    Only for worker processes: the service's own standard output may be a JSON document, and its log be of any length.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)


@contextlib.contextmanager
def confined(job: ConversionJob) -> Iterator[list[str]]:
    """Limit a converter's memory and undo its side effects; yield the list of what it left behind, complete at the end.

    Its output is discarded. Folder, environment, search path, file mode mask and recursion limit are restored for the next
    job. Its processes are ended. A worker process in which it left threads takes no further job.
    """
    know_job(job)
    leftovers: list[str] = []
    threads = set(threading.enumerate())
    with (
        _state_restored(),
        open(os.devnull, "w", encoding="utf-8", errors="replace") as nowhere,  # noqa: PTH123
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        try:
            with SANDBOX.memory_limited(job.memory_limit_mb):
                yield leftovers
        finally:
            leftovers += SANDBOX.end_job(threads)


@contextlib.contextmanager
def _state_restored() -> Iterator[None]:
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
    """Return the current folder; the root if the current folder was removed."""
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return os.path.abspath(os.sep)  # noqa: PTH100


def guarded(attempt: Callable[[], ConversionResult]) -> ConversionResult:
    """Run the attempt; any exception becomes a FAILED result, even one that would end a program."""
    try:
        return attempt()
    except BaseException as exc:
        return failure(exc)


def failure(exc: BaseException) -> ConversionResult:
    """Return an exception as a FAILED result: one line, and the traceback if it is the converter's."""
    if isinstance(exc, NotJson):
        return ConversionResult(status=ConversionStatus.FAILED, error=flat(exc))
    if isinstance(exc, ConverterUnavailable):
        trace = _trace(exc.__cause__) if exc.__cause__ else None
        return ConversionResult(status=ConversionStatus.FAILED, error=flat(exc), traceback=trace, is_unavailable=True)
    if isinstance(exc, MemoryError):
        return ConversionResult(status=ConversionStatus.FAILED, error=_OUT_OF_MEMORY, traceback=_trace(exc))
    return ConversionResult(status=ConversionStatus.FAILED, error=one_line(exc), traceback=_trace(exc))


def one_line(exc: BaseException) -> str:
    """Return an exception's type and message in one line."""
    return f"{type(exc).__name__}: {flat(exc)}"


def flat(text: object) -> str:
    """Return a text as one line of limited length."""
    try:
        message = str(text)
    except Exception as exc:
        message = f"(its message cannot be read: {type(exc).__name__})"
    return beginning(" ".join(beginning(message, _LONGEST_TEXT).split()), _LONGEST_LINE)


def _trace(exc: BaseException) -> str:
    try:
        return end("".join(traceback.format_exception(type(exc), exc, exc.__traceback__)), _LONGEST_TRACEBACK)
    except Exception:  # an exception may fail to say what it is
        return end("".join(traceback.format_tb(exc.__traceback__)), _LONGEST_TRACEBACK)
