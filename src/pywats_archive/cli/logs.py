"""The log on standard error: a JSON object per line, or text for people in a terminal. Logging neither raises nor waits."""

from __future__ import annotations

import atexit
import json
import logging
import sys
import threading
import traceback
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

import structlog

from pywats_archive.cli.streams import Write, raw_writer
from pywats_archive.redaction import redacted, redacted_json

_MOST_CHARS = 8_000_000
"""The most text that waits to be written; beyond that, lines are dropped and counted."""
_CLOSE_S = 1.0
_LONGEST_TRACEBACK = 50_000

Event = MutableMapping[str, Any]


class LogStream:
    """A stream whose ``write`` neither raises nor blocks, whatever happens to its target: a pipe without a reader, a full
    disk, a console in which somebody selects text.

    A thread of its own writes. Lines that could not be written are counted, and the count comes with the next ones that can.
    """

    def __init__(self, target: Write, *, most_chars: int = _MOST_CHARS) -> None:
        self._target = target
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
                self._target(json.dumps({"lines": lost, "event": "log.lost", "level": "warning"}) + "\n")
            self._target("".join(lines))
        except Exception:
            with self._changed:
                self._lost += lost + len(lines)


def configure(target: Write | None = None) -> LogStream:
    """Log to standard error or ``target`` from now on, errors of threads too; lines are written before the process ends."""
    stream = LogStream(target or raw_writer(sys.stderr))
    is_terminal = target is None and _is_terminal(sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_for_people() if is_terminal else (explained, rendered)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=stream),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    threading.excepthook = _log_thread_error
    atexit.register(stream.close)
    return stream


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


def rendered(logger: object, method: str, event: Event) -> str:
    """Return an event as JSON without known secrets; a value that is not JSON is replaced by its ``repr``. Raises nothing."""
    try:
        return redacted_json(event, partial(json.dumps, default=repr))
    except Exception as exc:
        kept = {"event": str(event.get("event")), "level": method, "unreadable": type(exc).__name__}
        return json.dumps(kept)


def _for_people() -> tuple[Any, ...]:
    plain = structlog.dev.plain_traceback  # without the values of variables, which may be secret
    renderer = structlog.dev.ConsoleRenderer(colors=True, exception_formatter=plain)

    def safe(logger: Any, method: str, event: Event) -> str:
        try:
            return redacted(renderer(logger, method, event))
        except Exception:
            return rendered(logger, method, explained(logger, method, event))

    return (safe,)


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


def _is_terminal(stream: TextIO | None) -> bool:
    with suppress(OSError, ValueError, AttributeError):
        return bool(stream and stream.isatty())
    return False
