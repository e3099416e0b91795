"""Signals that stop a service: a worker process survives them, and its answer reports them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals of a process group, a service manager or a console; on Windows SIGBREAK, also when a console is closed."""


def stop_signals(system: Any = signal) -> tuple[int, ...]:
    """Return the signals of this platform; ``system`` replaces the module ``signal``."""
    return tuple(getattr(system, name) for name in _NAMES if hasattr(system, name))


@contextmanager
def held_back(system: Any = signal) -> Iterator[None]:
    """Block these signals in this thread and in the processes that it starts inside the block; no effect on Windows."""
    if not hasattr(system, "pthread_sigmask"):
        yield
        return
    before = system.pthread_sigmask(system.SIG_BLOCK, stop_signals(system))
    try:
        yield
    finally:
        system.pthread_sigmask(system.SIG_SETMASK, before)


class StopSignals:
    """Notes these signals instead of ending the process; only for the main thread of a worker process.

    A handler and not SIG_IGN: what a converter starts inherits an ignored signal, and could not be ended by it.
    """

    def __init__(self, system: Any = signal) -> None:
        self._system = system
        self._is_noted = False

    def watch(self) -> None:
        """Install the handlers again, in place of a converter's, and forget noted signals."""
        for number in stop_signals(self._system):
            self._system.signal(number, self._note)
            if hasattr(self._system, "siginterrupt"):
                self._system.siginterrupt(number, False)  # a converter's blocking calls are resumed
        self._is_noted = False

    def unblock(self) -> None:
        """Receive the signals that were blocked since the process started."""
        if hasattr(self._system, "pthread_sigmask"):
            self._system.pthread_sigmask(self._system.SIG_UNBLOCK, stop_signals(self._system))

    def note(self) -> None:
        """Note a stop that came another way: from a Windows console."""
        self._is_noted = True

    @property
    def is_noted(self) -> bool:
        """Return whether a signal came since ``watch``."""
        return self._is_noted

    def _note(self, number: int, frame: object) -> None:
        self._is_noted = True
