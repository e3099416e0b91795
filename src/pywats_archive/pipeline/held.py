"""Sources that could not go on: until when each is left alone, and why."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.converting import Waits
from pywats_archive.pipeline.line import Line

HOLD_S = 5.0
"""Between two tries of what needs a person."""
LONGEST_HOLD_S = 300.0
"""Between two tries of what meets an unexpected error over and over: the first waits are of ``HOLD_S``, then twice as long."""
_LEAST_S = 0.2

Key = tuple[str, Path | None, int]
"""A converter's name, its archive's folder, and the number of an arrival in its books."""


@dataclass(frozen=True, slots=True)
class _Held:
    until_s: float
    reason: str
    needs_person: bool
    tries: int = 0
    """How often it met an unexpected error in a row."""
    is_called: bool = False
    """Whether the arrival has ended for whose end it waited."""


class HeldSources:
    """What waits, by converter and arrival; times are seconds of a monotonic clock."""

    def __init__(self, *, impatient: bool = False) -> None:
        """``impatient`` leaves what needs a person alone for long, so that a run can end in between."""
        self._impatient = impatient
        self._held: dict[Key, _Held] = {}
        self._behind: dict[Key, int] = {}
        """The arrivals for whose end others wait, by those."""

    def hold(self, line: Line, arrival: Arrival, waits: Waits) -> None:
        """Leave an arrival alone for a while."""
        before = self._held.get(key(line, arrival))
        tries = before.tries + 1 if before and waits.is_unexpected else 0
        usual_s = hold_s(tries) if waits.needs_person else max(_LEAST_S, line.config.settle_seconds)
        delay = usual_s if waits.again_s is None or self._impatient else waits.again_s
        reason = f"{arrival.path}: {waits.reason}"
        self._held[key(line, arrival)] = _Held(time.monotonic() + delay, reason, waits.needs_person, tries)
        if waits.behind is not None:
            self._behind[key(line, arrival)] = waits.behind

    def release(self, line: Line, arrival: Arrival) -> None:
        """Forget an arrival that went on; idempotent."""
        self._held.pop(key(line, arrival), None)
        self._behind.pop(key(line, arrival), None)

    def forget(self, line: Line, number: int) -> None:
        """Forget an arrival that the books have no more; idempotent."""
        self._held.pop((line.name, line.root, number), None)

    def may_try(self, line: Line, arrival: Arrival, now_s: float) -> bool:
        """Tell whether nothing holds an arrival any more."""
        held = self._held.get(key(line, arrival))
        return held is None or held.until_s <= now_s

    def try_at_once(self, line: Line) -> None:
        """Let everything of a line be tried again."""
        for each, held in list(self._held.items()):
            if each[:2] == (line.name, line.root):
                self._held[each] = replace(held, until_s=0.0)

    def call(self, line: Line, behind: int) -> None:
        """Let what waits for the end of an arrival be tried at once."""
        for each, number in list(self._behind.items()):
            if (*each[:2], number) == (line.name, line.root, behind) and (held := self._held.get(each)):
                self._held[each] = replace(held, until_s=0.0, is_called=True)

    @property
    def is_any_called(self) -> bool:
        """Whether something is to be tried at once, since what it waited for has ended."""
        return any(held.is_called for held in list(self._held.values()))

    def due(self, line: Line, now_s: float) -> tuple[int, ...]:
        """Give the arrivals of a line that were held and may be tried again."""
        items = list(self._held.items())
        mine = (line.name, line.root)
        return tuple(each[2] for each, held in items if each[:2] == mine and held.until_s <= now_s)

    def needing_person(self) -> dict[Key, str]:
        """Give what cannot go on without a person, each with its reason."""
        return {each: held.reason for each, held in list(self._held.items()) if held.needs_person}


def hold_s(tries: int) -> float:
    """Return how long to leave alone what met an unexpected error ``tries`` times in a row before."""
    return min(HOLD_S * (1 << min(tries, 10)), LONGEST_HOLD_S)


def key(line: Line, arrival: Arrival) -> Key:
    """Name an arrival among those of all converters."""
    return line.name, line.root, arrival.number
