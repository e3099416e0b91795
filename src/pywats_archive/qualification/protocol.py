"""The protocol of a qualification: what was expected, what was found, when, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from pywats_archive.models.time import utc_now

_LONGEST = 2000


class CheckResult(str, Enum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not done"
    """The check could not be carried out here; ``found`` has the reason."""


class Phase(str, Enum):
    """The part of a qualification."""

    INSTALLATION = "installation"
    OPERATION = "operation"


class Finding(NamedTuple):
    """The result of a step, and the facts."""

    result: CheckResult
    found: str


class Step(NamedTuple):
    """An expectation, and the action that checks it; an error is a failure."""

    name: str
    expected: str
    act: Callable[[], Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class QualificationCheck:
    """One expectation, and what was found."""

    number: str
    """IQ-1, IQ-2, … of the installation; OQ-1, … of the operation."""
    phase: Phase
    """The part of the qualification."""
    name: str
    """Name of the check."""
    expected: str
    """The expected result."""
    result: CheckResult
    """The result."""
    found: str
    """The facts, or what is wrong."""
    began_at: datetime
    """When the check began."""
    duration_s: float
    """Duration of the check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """The protocol of a qualification."""

    program: str
    """Name and version of the program."""
    computer: str
    """Name of the computer."""
    account: str
    """The account that carried it out."""
    place: str
    """The configuration or the archive that it is about."""
    began_at: datetime
    """When the first check began."""
    ended_at: datetime
    """When the last check ended."""
    passed: int
    """Number of checks that passed."""
    failed: int
    """Number of checks that failed."""
    not_done: int
    """Number of checks that could not be carried out here."""
    checks: tuple[QualificationCheck, ...]
    """Each check, in the order in which they were carried out."""


def carried_out(phase: Phase, steps: Iterable[Step]) -> Iterator[QualificationCheck]:
    """Carry out steps one after another, and yield the check of each as soon as it is done."""
    letter = phase.value[0].upper()
    for number, step in enumerate(steps, 1):
        began_at, began_s = utc_now(), time.monotonic()
        finding = _acted(step)
        yield QualificationCheck(
            number=f"{letter}Q-{number}",
            phase=phase,
            name=step.name,
            expected=step.expected,
            result=finding.result,
            found=finding.found[:_LONGEST],
            began_at=began_at,
            duration_s=round(time.monotonic() - began_s, 3),
        )


def passed(found: str) -> Finding:
    """Return that an expectation is met."""
    return Finding(CheckResult.PASSED, found)


def failed(found: str) -> Finding:
    """Return that an expectation is not met."""
    return Finding(CheckResult.FAILED, found)


def judged(faults: Iterable[str], otherwise: str) -> Finding:
    """Return a failure with these faults; without any, that the expectation is met."""
    listed = [each for each in faults if each]
    return failed("; ".join(listed)) if listed else passed(otherwise)


def _acted(step: Step) -> Finding:
    try:
        return step.act()
    except Exception as exc:  # whatever goes wrong is the result of this check, and the others go on
        return failed(f"{type(exc).__name__}: {exc}")
