"""When blobs are read back, and how fast. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_DUE, _DUE_WHILE_BUSY = 0.5, 0.8
"""Fractions of the interval; the rest allows for stations that are switched off overnight, or for weeks."""
_SHARE = 0.1
"""The largest fraction of time for reading, since small files cost processor time, not bytes."""
_IDLE_S, _RECHECK_S = 60.0, 6 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often every blob is read back, and the most bytes per second."""

    interval: timedelta
    bytes_per_s: float

    def due_age(self, *, is_busy: bool) -> timedelta:
        """Return the age of a check after which the blob is read again; more while sources wait."""
        return self.interval * (_DUE_WHILE_BUSY if is_busy else _DUE)

    def rest_s(self, *, read_bytes: int, spent_s: float) -> float:
        """Return how long to rest after reading."""
        return max(read_bytes / self.bytes_per_s - spent_s, spent_s * (1 / _SHARE - 1))

    @property
    def idle_s(self) -> float:
        """Return how long to rest if nothing is due."""
        return min(_IDLE_S, self.interval.total_seconds() / 20)

    @property
    def recheck_s(self) -> float:
        """Return when to check a finding again, since the file may have been restored from a backup."""
        return min(_RECHECK_S, self.interval.total_seconds() / 10)

    def is_late(self, age: timedelta) -> bool:
        """Whether the promise is broken."""
        return age > self.interval


def gentlest(paces: list[Pace]) -> Pace:
    """Return the pace of a shared archive: the shortest interval and the lowest rate of its converters."""
    return Pace(interval=min(p.interval for p in paces), bytes_per_s=min(p.bytes_per_s for p in paces))
