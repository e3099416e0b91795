"""A time limit that counts only running time: neither a changed clock nor a sleeping machine uses it up."""

from __future__ import annotations

import time
from collections.abc import Callable

_SLICE_S = 1.0
_MOST_S = 2.0
"""The most that one slice counts. A longer slice means that nothing ran: ``time.monotonic`` also counts while Windows sleeps,
and while a process or a whole machine is frozen; Linux and macOS leave out sleep."""


class TimeLimit:
    """Starts when it is created; the waiting code calls ``tick`` after each slice."""

    def __init__(self, limit_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._last_s = clock()
        self.lived_s = 0.0
        """How much of it is used up."""

    @property
    def slice_s(self) -> float:
        """How long to wait before the next ``tick``."""
        return max(0.0, min(_SLICE_S, self._limit_s - self.lived_s))

    def tick(self) -> bool:
        """Count the time since the last tick; return whether the limit is reached."""
        now_s = self._clock()
        self.lived_s += max(0.0, min(now_s - self._last_s, _MOST_S))
        self._last_s = now_s
        return self.lived_s >= self._limit_s
