"""The loop of a worker process: it receives calls from the service and answers each."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from pywats_archive.errors import ArchiveError
from pywats_archive.host.worker import entry, messages
from pywats_archive.host.worker.announcing import ANNOUNCE
from pywats_archive.host.worker.isolation import one_line
from pywats_archive.host.worker.sandbox import SANDBOX
from pywats_archive.host.worker.stop_signals import StopSignals
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.portable import processes
from pywats_archive.portable.windows.console import console_events


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The outcome of a call, or of the start of the process."""

    value: Any = None
    error: ArchiveError | None = None
    """The exception of the function."""
    problem: str | None = None
    """Why there is neither a value nor an error, in one line."""
    is_fit: bool = True
    """Whether the process accepts another call."""
    is_disturbed: bool = False
    """Whether a stop signal came meanwhile and may have affected the outcome: a process that a converter had started
    may have been ended by it."""


def serve(calls: Connection, answers: Connection, lower_priority: bool, without: tuple[str, ...] = ()) -> None:
    """Run as a worker process until the service closes the connections; does not return.

    ``without``: environment variables that no converter gets, nor what it starts.
    """
    for name in without:
        os.environ.pop(name, None)
    signals = StopSignals()
    signals.watch()
    signals.unblock()
    if sys.platform != "win32":  # not inherited by what a converter starts
        for each in (calls, answers):
            os.set_inheritable(each.fileno(), False)
    ANNOUNCE.to(lambda announcement: messages.send(answers, pickle.dumps(announcement, pickle.HIGHEST_PROTOCOL)))
    with console_events(signals.note):
        is_fit = _answer(answers, _prepared(lower_priority))
        while is_fit:
            try:
                call = messages.receive(calls)
            except (EOFError, OSError):
                break
            is_fit = _answer(answers, _done(call, signals))
    os._exit(0 if is_fit else 1)  # threads that a converter left would keep it


def _prepared(lower_priority: bool) -> Answer:
    try:
        if lower_priority:
            processes.lower_priority()
        entry.prepare()
    except BaseException as exc:
        return Answer(problem=one_line(exc), is_fit=False)
    return Answer()


def _done(call: bytes | bytearray, signals: StopSignals) -> Answer:
    signals.watch()
    children = _ended_children()
    try:
        function, job = pickle.loads(call)  # noqa: S301 (of the service, over a pipe of its own)
        answer = _called(function, job)
    except BaseException as exc:
        answer = Answer(problem=one_line(exc))
    is_disturbed = signals.is_noted and not (_is_good(answer) and children == _ended_children())
    return Answer(
        value=answer.value,
        error=answer.error,
        problem=answer.problem,
        is_fit=SANDBOX.is_fit,
        is_disturbed=is_disturbed,
    )


def _called(function: Callable[[Any], Any], job: Any) -> Answer:
    try:
        return Answer(value=function(job))
    except ArchiveError as exc:
        return Answer(error=exc)


def _is_good(answer: Answer) -> bool:
    """Return whether the answer cannot be caused by a stop signal."""
    if answer.error or answer.problem:
        return False
    results = answer.value if isinstance(answer.value, tuple) else (answer.value,)
    if any(isinstance(each, ConversionResult) and each.status is not ConversionStatus.SUCCESS for each in results):
        return False
    return not isinstance(answer.value, str)  # says what went wrong


def _ended_children() -> object:
    """Return a figure that changes when a process that was started here ends; a new one each time on Windows."""
    if sys.platform == "win32":
        return object()
    import resource  # noqa: PLC0415 (POSIX alone)

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


def _answer(answers: Connection, answer: Answer) -> bool:
    """Send an answer; return whether the process accepts another call."""
    try:
        messages.send(answers, _packed(answer))
    except OSError:  # the service is gone
        return False
    return answer.is_fit


def _packed(answer: Answer) -> bytes:
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as exc:
        return pickle.dumps(Answer(problem=one_line(exc), is_fit=answer.is_fit, is_disturbed=answer.is_disturbed))
