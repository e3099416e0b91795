"""Signals to a running service: each is handled in its own thread, since a handler may interrupt code that holds a lock."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any

from pywats_archive.cli.main import INTERRUPTED
from pywats_archive.portable.windows.console import console_events

_END_WITHIN_S = 5.0
"""How long an interrupted service may take to end in order; after that the process ends, and the next start repairs."""
_STOPPING = ("SIGINT", "SIGTERM", "SIGBREAK")
_RELOADING = "SIGHUP"


class Signals:
    """While this is open, SIGINT, SIGTERM and SIGBREAK call ``stop``, and SIGHUP calls ``reload``.

    A SIGHUP that comes because the terminal is gone calls ``stop``; one that was ignored at the start (nohup) still is.
    On Windows the console calls ``stop``, even while the main thread waits. If ``stop`` returns True (a person insists), the
    process ends after ``end_within_s`` in any case.
    """

    def __init__(
        self,
        *,
        stop: Callable[[], bool],
        reload: Callable[[], None],
        system: Any = signal,
        console: Callable[[Callable[[], object]], AbstractContextManager[None]] = console_events,
        end_within_s: float = _END_WITHIN_S,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        """``system`` stands for the module ``signal``, ``console`` for the events of a Windows console."""
        self._stop, self._reload = stop, reload
        self._system = system
        self._end_within_s, self._end = end_within_s, end
        self._ended = threading.Event()
        self._came: queue.SimpleQueue[int | None] = queue.SimpleQueue()  # safe in a handler
        self._before: dict[int, Any] = {}
        self._console = console(lambda: self._came.put(signal.SIGINT))
        self._had_terminal = _has_terminal()
        self._thread = threading.Thread(target=self._act, name="signals", daemon=True)

    def __enter__(self) -> Signals:
        self._thread.start()
        for name in (*_STOPPING, _RELOADING):
            number = getattr(self._system, name, None)
            if number is None or (name == _RELOADING and self._system.getsignal(number) == self._system.SIG_IGN):
                continue
            self._before[number] = self._system.signal(number, lambda came, _: self._came.put(came))
        self._console.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._console.__exit__(kind, error, trace)
        for number, handler in self._before.items():
            self._system.signal(number, handler)
        self._came.put(None)
        self._thread.join()

    def _act(self) -> None:
        while (number := self._came.get()) is not None:
            is_hangup = number == getattr(self._system, _RELOADING, None)
            if is_hangup and not (self._had_terminal and not _has_terminal()):
                self._reload()
            elif self._stop() and not self._ended.wait(self._end_within_s):
                self._end(INTERRUPTED)


def _has_terminal() -> bool:
    with suppress(OSError, ValueError, AttributeError):
        return os.isatty(sys.stdin.fileno())
    return False
