"""Sources that are delayed: until when, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from pywats_archive.pipeline.alerting.isolation import delay_s
from pywats_archive.pipeline.lanes.key import Key, LaneKey

_LEAST_S = 0.2


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

    def delay(self, key: Key, waits: RetryLater, *, path: str, settle_s: float) -> None:
        """Delay an arrival; ``path`` is its source's, ``settle_s`` how long its folder must be quiet."""
        before = self._delayed.get(key)
        tries = before.tries + 1 if before and waits.is_unexpected else 0
        usual_s = delay_s(tries) if waits.needs_operator else max(_LEAST_S, settle_s)
        pause_s = usual_s if waits.again_s is None or self._impatient else waits.again_s
        reason = f"{path}: {waits.reason}"
        self._delayed[key] = _Delayed(time.monotonic() + pause_s, reason, waits.needs_operator, tries)
        if waits.after is not None:
            self._waiting[key] = waits.after

    def clear(self, key: Key) -> None:
        """End the delay of an arrival; idempotent."""
        self._delayed.pop(key, None)
        self._waiting.pop(key, None)

    def is_due(self, key: Key, now_s: float) -> bool:
        """Whether an arrival is not delayed, or its delay is over."""
        delayed = self._delayed.get(key)
        return delayed is None or delayed.until_s <= now_s

    def retry_now(self, lane: LaneKey) -> None:
        """End the delays of all arrivals of a lane."""
        for each, delayed in list(self._delayed.items()):
            if each.lane == lane:
                self._delayed[each] = replace(delayed, until_s=0.0)

    def release(self, after: Key) -> None:
        """End the delays of arrivals that wait for the end of the arrival ``after``."""
        for each, number in list(self._waiting.items()):
            if Key(each.lane, number) == after and (delayed := self._delayed.get(each)):
                self._delayed[each] = replace(delayed, until_s=0.0, is_released=True)

    @property
    def is_any_released(self) -> bool:
        """Whether an arrival is to be tried again because the one that it waited for has ended."""
        return any(delayed.is_released for delayed in list(self._delayed.values()))

    def due(self, lane: LaneKey, now_s: float) -> tuple[int, ...]:
        """Return the numbers of a lane's arrivals whose delay is over."""
        items = list(self._delayed.items())
        return tuple(each.number for each, delayed in items if each.lane == lane and delayed.until_s <= now_s)

    def blocked(self) -> dict[Key, str]:
        """Return the arrivals that need a person's action, each with its reason."""
        return {each: delayed.reason for each, delayed in list(self._delayed.items()) if delayed.needs_operator}
