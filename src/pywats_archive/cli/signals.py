"""Signals to a running service: each is handled in its own thread, since a handler may interrupt code that holds a lock."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

_STOPPING = ("SIGINT", "SIGTERM", "SIGBREAK")
_RELOADING = "SIGHUP"


class Signals:
    """While this is open, SIGINT, SIGTERM and SIGBREAK call ``stop``, and SIGHUP calls ``reload``.

    A SIGHUP that comes because the terminal is gone calls ``stop``; one that was ignored at the start (nohup) still is.
    """

    def __init__(self, *, stop: Callable[[], None], reload: Callable[[], None], system: Any = signal) -> None:
        """``system`` stands for the module ``signal``."""
        self._stop, self._reload = stop, reload
        self._system = system
        self._came: queue.SimpleQueue[int | None] = queue.SimpleQueue()  # safe in a handler
        self._before: dict[int, Any] = {}
        self._had_terminal = _has_terminal()
        self._thread = threading.Thread(target=self._act, name="signals", daemon=True)

    def __enter__(self) -> Signals:
        self._thread.start()
        for name in (*_STOPPING, _RELOADING):
            number = getattr(self._system, name, None)
            if number is None or (name == _RELOADING and self._system.getsignal(number) == self._system.SIG_IGN):
                continue
            self._before[number] = self._system.signal(number, lambda came, _: self._came.put(came))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            self._system.signal(number, handler)
        self._came.put(None)
        self._thread.join()

    def _act(self) -> None:
        while (number := self._came.get()) is not None:
            is_hangup = number == getattr(self._system, _RELOADING, None)
            if is_hangup and not (self._had_terminal and not _has_terminal()):
                self._reload()
            else:
                self._stop()


def _has_terminal() -> bool:
    with suppress(OSError, ValueError, AttributeError):
        return os.isatty(sys.stdin.fileno())
    return False
