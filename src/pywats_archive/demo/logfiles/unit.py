"""A tested unit and its measurements, which each format writes in its own way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One measured value and its limits."""

    name: str
    value: float
    low: float
    high: float
    unit: str

    @property
    def passed(self) -> bool:
        """Whether the value lies within its limits."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A unit under test."""

    serial: str
    part: str
    revision: str
    started: datetime
    measurements: tuple[Measurement, ...]

    @property
    def passed(self) -> bool:
        """Whether every measurement passed."""
        return all(each.passed for each in self.measurements)


_KINDS = (("R", "Ohm", 100.0), ("C", "nF", 47.0), ("U", "V", 3.3), ("I", "mA", 12.0), ("L", "uH", 10.0))


def tested_unit(rng: random.Random, *, serial: str, steps: int = 20, fails: bool = False) -> Unit:
    """Make a unit with ``steps`` measurements; ``fails`` puts one of them out of its limits."""
    started = datetime(2026, 2, 13, 6, 0, tzinfo=timezone.utc) + timedelta(seconds=rng.randrange(86_400))
    found = list(_measurements(rng, steps))
    if fails:
        worst = found[rng.randrange(steps)]
        found[found.index(worst)] = Measurement(
            name=worst.name, value=round(worst.high * 1.2, 4), low=worst.low, high=worst.high, unit=worst.unit
        )
    return Unit(
        serial=serial, part=f"PCB-{rng.randrange(100, 120)}", revision="B2", started=started, measurements=tuple(found)
    )


def _measurements(rng: random.Random, steps: int) -> Iterator[Measurement]:
    for number in range(1, steps + 1):
        letter, unit, nominal = _KINDS[rng.randrange(len(_KINDS))]
        value = round(rng.gauss(nominal, nominal * 0.01), 4)
        low, high = round(nominal * 0.9, 4), round(nominal * 1.1, 4)
        yield Measurement(name=f"{letter}{number}", value=value, low=low, high=high, unit=unit)
