"""The log: text for people or JSON for programs, on standard error and in a file. Logging neither raises nor waits."""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from pywats_archive.cli.log_file import log_file
from pywats_archive.cli.log_text import has_colors, text_of
from pywats_archive.cli.streams import Write, raw_writer
from pywats_archive.models.time import utc_now
from pywats_archive.redaction import redacted, redacted_json

_MOST_CHARS = 8_000_000
"""The most text that waits to be written; beyond that, lines are dropped and counted."""
_CLOSE_S = 1.0
_LONGEST_TRACEBACK = 50_000

Event = MutableMapping[str, Any]
Render = Callable[[Event], "str | None"]
"""Returns the line of an event, or None if it has none."""

FORMAT_VARIABLE = "PYWATS_ARCHIVE_LOG_FORMAT"
"""The environment variable with the default format."""


class LogFormat(str, Enum):
    """The form of the log's lines."""

    TEXT = "text"
    """For people."""
    JSON = "json"
    """One object per line, for programs."""


class LogLevel(str, Enum):
    """The lowest level that is logged."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """Return the level's number in ``logging``."""
        return _NUMBERS[self.value]


_NUMBERS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR, "critical": logging.CRITICAL}


def lost_lines(lines: int) -> str:
    """Return the line of JSON about lines that could not be written."""
    return json.dumps({"lines": lines, "event": "log.lost", "level": "warning"}) + "\n"


class LogStream:
    """A stream whose ``write`` neither raises nor blocks, whatever happens to its target: a pipe without a reader, a full
    disk, a console in which somebody selects text.

    A thread of its own writes. Lines that could not be written are counted, and the count comes with the next ones that can.
    """

    def __init__(
        self, target: Write, *, most_chars: int = _MOST_CHARS, lost: Callable[[int], str] = lost_lines
    ) -> None:
        """``lost`` makes the line about lines that could not be written."""
        self._target = target
        self._lost_line = lost
        self._most_chars = most_chars
        self._waiting: deque[str] = deque()
        self._chars = 0
        self._lost = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> None:
        """Queue whole lines, to be written soon."""
        with self._changed:
            if self._chars > self._most_chars:
                self._lost += 1
                return
            self._waiting.append(text)
            self._chars += len(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Do nothing: code that logs does not wait."""

    def close(self, *, timeout_s: float = _CLOSE_S) -> None:
        """Wait until all is written, for ``timeout_s`` at most; idempotent."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout_s)

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                lines, lost = list(self._waiting), self._lost
                self._waiting.clear()
                self._chars = self._lost = 0
            self._write(lines, lost)

    def _write(self, lines: list[str], lost: int) -> None:
        try:
            if lost:
                self._target(self._lost_line(lost))
            self._target("".join(lines))
        except Exception:
            with self._changed:
                self._lost += lost + len(lines)


class Sink:
    """One place that the log goes to; it gets the events of at least one level, each as one line or none."""

    def __init__(self, target: Write, render: Render, *, least: LogLevel) -> None:
        self._render = render
        self._least = least.number
        self._stream = LogStream(target, lost=self._lost)

    def write(self, event: Event) -> None:
        """Queue the event's line, to be written soon."""
        if _NUMBERS.get(event["level"], 0) >= self._least and (line := self._render(event)):
            self._stream.write(f"{line}\n")

    def close(self) -> None:
        """Wait briefly until all is written; idempotent."""
        self._stream.close()

    def _lost(self, lines: int) -> str:
        event = {"lines": lines, "event": "log.lost", "level": "warning", "timestamp": utc_now().isoformat()}
        return f"{self._render(event)}\n"


class Log:
    """The logger at the end of structlog's chain: it passes each event to every sink."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def write(self, **event: Any) -> None:
        """Write an event."""
        for sink in self._sinks:
            sink.write(event)

    msg = debug = info = warning = error = critical = write

    def close(self) -> None:
        """Wait briefly until all is written; idempotent."""
        for sink in self._sinks:
            sink.close()


def default_format() -> LogFormat:
    """Return the format that the environment asks for; otherwise the text for people."""
    wanted = os.environ.get(FORMAT_VARIABLE, "").lower()
    return LogFormat(wanted) if wanted in tuple(LogFormat) else LogFormat.TEXT


def configure(
    target: Write | None = None,
    *,
    log_format: LogFormat | None = None,
    file: Path | None = None,
    level: LogLevel = LogLevel.INFO,
    quiet: bool = False,
) -> Log:
    """Log to standard error or ``target`` from now on, and to ``file``; errors of threads too.

    ``quiet``: only errors go to standard error. Lines are written before the process ends.
    """
    as_json = (log_format or default_format()) is LogFormat.JSON
    with_colors = target is None and has_colors(sys.stderr)
    own = rendered if as_json else partial(readable, with_colors=with_colors)
    sinks = [Sink(target or raw_writer(sys.stderr), own, least=LogLevel.ERROR if quiet else level)]
    if file:
        sinks.append(Sink(log_file(file), rendered if as_json else readable, least=level))
    log = Log(sinks)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            explained,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda: log,
        cache_logger_on_first_use=True,
    )
    threading.excepthook = _log_thread_error
    atexit.register(log.close)
    return log


def explained(logger: object, method: str, event: Event) -> Event:
    """Put an exception into fields of its own: its type, its message, the traceback."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if given and error is None:
        error = sys.exc_info()[1]
    if error is not None:
        event["error_type"] = type(error).__name__
        event["error_message"] = _text_of(error)
        event["traceback"] = _traceback_of(error)
    return event


def rendered(event: Event) -> str:
    """Return an event as JSON without known secrets; a value that is not JSON is replaced by its ``repr``. Raises nothing."""
    try:
        return redacted_json(event, partial(json.dumps, default=repr))
    except Exception as exc:
        kept = {"event": str(event.get("event")), "level": str(event.get("level")), "unreadable": type(exc).__name__}
        return json.dumps(kept)


def readable(event: Event, *, with_colors: bool = False) -> str | None:
    """Return an event as text for people without known secrets; None if people need no line about it. Raises nothing."""
    try:
        return text_of(event, with_colors=with_colors)
    except Exception:
        return rendered(event)


def _log_thread_error(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "?"
    error = failed.exc_value or failed.exc_type
    structlog.get_logger().error("thread.ended", thread=name, exc_info=error)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be read)"


def _traceback_of(error: BaseException) -> str:
    try:
        whole = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return redacted(whole)[-_LONGEST_TRACEBACK:]
    except Exception:
        return "".join(traceback.format_tb(error.__traceback__))[-_LONGEST_TRACEBACK:]
