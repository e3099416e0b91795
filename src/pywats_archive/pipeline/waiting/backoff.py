"""Sources that could not go on: until when each is left alone, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.alerting.isolation import delay_s
from pywats_archive.pipeline.lanes.lane import Lane

_LEAST_S = 0.2

Key = tuple[str, Path | None, int]
"""A converter's name, its archive's folder, and the number of an arrival in its books."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryLater:
    """A source that could not be taken through; it is tried again."""

    reason: str
    needs_operator: bool
    """Whether it may wait for ever: the archive or a folder failed, or a folder is not complete."""
    is_unexpected: bool = False
    """Whether nobody foresaw the error: it is tried again less and less often."""
    again_s: float | None = None
    """After how long it is tried again; None: as long as such a reason usually lasts."""
    after: int | None = None
    """The arrival whose end it waits for; then it is tried at once."""


@dataclass(frozen=True, slots=True)
class _Delayed:
    until_s: float
    reason: str
    needs_operator: bool
    tries: int = 0
    """How often it met an unexpected error in a row."""
    is_released: bool = False
    """Whether the arrival has ended for whose end it waited."""


class Backoff:
    """What waits, by converter and arrival; times are seconds of a monotonic clock."""

    def __init__(self, *, impatient: bool = False) -> None:
        """``impatient`` leaves what needs a person alone for long, so that a run can end in between."""
        self._impatient = impatient
        self._delayed: dict[Key, _Delayed] = {}
        self._waiting: dict[Key, int] = {}
        """The arrivals for whose end others wait, by those."""

    def delay(self, lane: Lane, arrival: Arrival, waits: RetryLater) -> None:
        """Leave an arrival alone for a while."""
        before = self._delayed.get(key(lane, arrival))
        tries = before.tries + 1 if before and waits.is_unexpected else 0
        usual_s = delay_s(tries) if waits.needs_operator else max(_LEAST_S, lane.config.settle_seconds)
        pause_s = usual_s if waits.again_s is None or self._impatient else waits.again_s
        reason = f"{arrival.path}: {waits.reason}"
        self._delayed[key(lane, arrival)] = _Delayed(time.monotonic() + pause_s, reason, waits.needs_operator, tries)
        if waits.after is not None:
            self._waiting[key(lane, arrival)] = waits.after

    def clear(self, lane: Lane, arrival: Arrival) -> None:
        """Forget an arrival that went on; idempotent."""
        self._delayed.pop(key(lane, arrival), None)
        self._waiting.pop(key(lane, arrival), None)

    def forget(self, lane: Lane, number: int) -> None:
        """Forget an arrival that the books have no more; idempotent."""
        self._delayed.pop((lane.name, lane.root, number), None)

    def is_due(self, lane: Lane, arrival: Arrival, now_s: float) -> bool:
        """Tell whether nothing holds an arrival any more."""
        delayed = self._delayed.get(key(lane, arrival))
        return delayed is None or delayed.until_s <= now_s

    def retry_now(self, lane: Lane) -> None:
        """Let everything of a lane be tried again."""
        for each, delayed in list(self._delayed.items()):
            if each[:2] == (lane.name, lane.root):
                self._delayed[each] = replace(delayed, until_s=0.0)

    def release(self, lane: Lane, after: int) -> None:
        """Let what waits for the end of an arrival be tried at once."""
        for each, number in list(self._waiting.items()):
            if (*each[:2], number) == (lane.name, lane.root, after) and (delayed := self._delayed.get(each)):
                self._delayed[each] = replace(delayed, until_s=0.0, is_released=True)

    @property
    def is_any_released(self) -> bool:
        """Whether something is to be tried at once, since what it waited for has ended."""
        return any(delayed.is_released for delayed in list(self._delayed.values()))

    def due(self, lane: Lane, now_s: float) -> tuple[int, ...]:
        """Give the arrivals of a lane that were delayed and may be tried again."""
        items = list(self._delayed.items())
        mine = (lane.name, lane.root)
        return tuple(each[2] for each, delayed in items if each[:2] == mine and delayed.until_s <= now_s)

    def blocked(self) -> dict[Key, str]:
        """Give what cannot go on without a person, each with its reason."""
        return {each: delayed.reason for each, delayed in list(self._delayed.items()) if delayed.needs_operator}


def key(lane: Lane, arrival: Arrival) -> Key:
    """Name an arrival among those of all converters."""
    return lane.name, lane.root, arrival.number
