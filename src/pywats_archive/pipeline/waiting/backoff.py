"""Sources that are delayed: until when, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.alerting.isolation import delay_s
from pywats_archive.pipeline.lanes.lane import Lane

_LEAST_S = 0.2

Key = tuple[str, Path | None, int]
"""A converter's name, its archive's folder, and the number of an arrival in its ledger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryLater:
    """Why a source could not be processed, and when it is tried again."""

    reason: str
    needs_operator: bool
    """Whether it may wait until a person acts: the archive or a folder failed, or a folder is incomplete."""
    is_unexpected: bool = False
    """Whether the error was not expected: the delay grows with each try."""
    again_s: float | None = None
    """The delay; None for the usual one."""
    after: int | None = None
    """The number of the arrival whose end it waits for; it is tried again right after that."""


@dataclass(frozen=True, slots=True)
class _Delayed:
    until_s: float
    reason: str
    needs_operator: bool
    tries: int = 0
    """The number of unexpected errors in a row."""
    is_released: bool = False
    """Whether the arrival that it waited for has ended."""


class Backoff:
    """The delayed arrivals of all converters; times are seconds of a monotonic clock."""

    def __init__(self, *, impatient: bool = False) -> None:
        """``impatient``: use the usual delays only, so that a run until idle can end in between."""
        self._impatient = impatient
        self._delayed: dict[Key, _Delayed] = {}
        self._waiting: dict[Key, int] = {}
        """For each delayed arrival, the number of the arrival whose end it waits for."""

    def delay(self, lane: Lane, arrival: Arrival, waits: RetryLater) -> None:
        """Delay an arrival."""
        before = self._delayed.get(key(lane, arrival))
        tries = before.tries + 1 if before and waits.is_unexpected else 0
        usual_s = delay_s(tries) if waits.needs_operator else max(_LEAST_S, lane.config.settle_seconds)
        pause_s = usual_s if waits.again_s is None or self._impatient else waits.again_s
        reason = f"{arrival.path}: {waits.reason}"
        self._delayed[key(lane, arrival)] = _Delayed(time.monotonic() + pause_s, reason, waits.needs_operator, tries)
        if waits.after is not None:
            self._waiting[key(lane, arrival)] = waits.after

    def clear(self, lane: Lane, arrival: Arrival) -> None:
        """End the delay of an arrival; idempotent."""
        self._delayed.pop(key(lane, arrival), None)
        self._waiting.pop(key(lane, arrival), None)

    def forget(self, lane: Lane, number: int) -> None:
        """End the delay of an arrival that is no longer in the ledger; idempotent."""
        self._delayed.pop((lane.name, lane.root, number), None)

    def is_due(self, lane: Lane, arrival: Arrival, now_s: float) -> bool:
        """Whether an arrival is not delayed, or its delay is over."""
        delayed = self._delayed.get(key(lane, arrival))
        return delayed is None or delayed.until_s <= now_s

    def retry_now(self, lane: Lane) -> None:
        """End the delays of all arrivals of a lane."""
        for each, delayed in list(self._delayed.items()):
            if each[:2] == (lane.name, lane.root):
                self._delayed[each] = replace(delayed, until_s=0.0)

    def release(self, lane: Lane, after: int) -> None:
        """End the delays of arrivals that wait for the end of the arrival ``after``."""
        for each, number in list(self._waiting.items()):
            if (*each[:2], number) == (lane.name, lane.root, after) and (delayed := self._delayed.get(each)):
                self._delayed[each] = replace(delayed, until_s=0.0, is_released=True)

    @property
    def is_any_released(self) -> bool:
        """Whether an arrival is to be tried again because the one that it waited for has ended."""
        return any(delayed.is_released for delayed in list(self._delayed.values()))

    def due(self, lane: Lane, now_s: float) -> tuple[int, ...]:
        """Return the numbers of a lane's arrivals whose delay is over."""
        items = list(self._delayed.items())
        mine = (lane.name, lane.root)
        return tuple(each[2] for each, delayed in items if each[:2] == mine and delayed.until_s <= now_s)

    def blocked(self) -> dict[Key, str]:
        """Return the arrivals that need a person's action, each with its reason."""
        return {each: delayed.reason for each, delayed in list(self._delayed.items()) if delayed.needs_operator}


def key(lane: Lane, arrival: Arrival) -> Key:
    """Return the key of an arrival among those of all converters."""
    return lane.name, lane.root, arrival.number
