"""Keeping a converter to itself: what it prints, where it changes to, whatever it raises."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Iterator

from pywats_archive.errors import ConverterUnavailable
from pywats_archive.host.reports import NotJson
from pywats_archive.models.conversion import ConversionResult
from pywats_archive.models.entry import ConversionStatus

_LONGEST_LINE = 2000
_LONGEST_TRACEBACK = 100_000
_STDOUT = 1


def silence_output() -> None:
    """Send what this process and its children write to standard output nowhere, for good.

    Only for worker processes: the service's own standard output may be a JSON document.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDOUT)
    os.close(nowhere)


@contextlib.contextmanager
def confined() -> Iterator[None]:
    """Keep what a converter prints away from our output, and its change of folder from the next converter."""
    folder = os.getcwd()  # noqa: PTH109
    with (
        open(os.devnull, "w", encoding="utf-8", errors="replace") as nowhere,  # noqa: PTH123
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        try:
            yield
        finally:
            os.chdir(folder)


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
        cause = exc.__cause__
        return ConversionResult(
            status=ConversionStatus.FAILED, error=flat(exc), traceback=_trace(cause) if cause else None
        )
    return ConversionResult(status=ConversionStatus.FAILED, error=one_line(exc), traceback=_trace(exc))


def one_line(exc: BaseException) -> str:
    """Name an exception and its message in one line."""
    return f"{type(exc).__name__}: {flat(exc)}"


def flat(text: object) -> str:
    """Put a text on one line, and cut it where nobody would read on."""
    return " ".join(str(text).split())[:_LONGEST_LINE]


def _trace(exc: BaseException) -> str:
    return "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))[-_LONGEST_TRACEBACK:]
