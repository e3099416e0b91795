"""The steps of a report in WATS' JSON format (WSJF) as the lines of a table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pywats_archive.web.views.document.plot import Plot, plot
from pywats_archive.web.views.words import visible

ALL_OPEN = 600
"""Up to so many steps are shown at once; of more, deep groups are folded until they are opened."""
_WORDS = {"P": "Passed", "F": "Failed", "D": "Done", "S": "Skipped", "T": "Terminated", "E": "Error"}
_BAD = ("Failed", "Terminated", "Error")
_CHILDREN = ("steps", "stepResults")
_MEASURES = ("numericMeas", "stringMeas", "booleanMeas")
_REMARKS = ("reportText", "errorMessage", "tsErrorMessage")
_DEEPEST = 60
_COMPARISONS = {
    "EQ": "=", "NE": "≠", "GT": ">", "GE": "≥", "LT": "<", "LE": "≤",
    "GELE": "≥ ≤", "GTLT": "> <", "GELT": "≥ <", "GTLE": "> ≤", "LTGT": "< >", "LEGE": "≤ ≥", "LOG": "logged",
}  # fmt: skip
"""WSJF's comparison operators; those with two signs compare with the low limit, then with the high one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One measured value with its limits."""

    name: str = ""
    status: str = ""
    value: str = ""
    unit: str = ""
    low: str = ""
    high: str = ""
    comparison: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepLine:
    """One line of the table: a step, or a note that a group is folded."""

    path: str
    """Its place in the tree, such as ``0.3.1``: what opens it."""
    depth: int
    name: str
    kind: str = ""
    status: str = ""
    seconds: str = ""
    note: str = ""
    caused_failure: bool = False
    first: Measure = Measure()
    """The only measure, or an empty one."""
    measures: tuple[Measure, ...] = ()
    """All of them, if there are several."""
    plot: Plot | None = None
    folded: int = 0
    """Steps below that are not shown."""

    @property
    def is_bad(self) -> bool:
        """Whether the step failed."""
        return self.status in _BAD


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTable:
    """The lines of a report, and how many steps it has."""

    lines: tuple[StepLine, ...]
    total: int
    failed: int

    @property
    def plots(self) -> int:
        """The number of charts that are shown."""
        return sum(line.plot is not None for line in self.lines)

    @property
    def first_failed(self) -> str:
        """The path of the first step that failed itself, rather than a step below it; empty if none is shown."""
        bad = [line for line in self.lines if line.is_bad]
        deepest = (a for a, b in zip(bad, [*bad[1:], None]) if b is None or b.depth <= a.depth)  # noqa: B905
        return next((line.path for line in deepest), "")


def table(report: Mapping[str, Any], *, opened: Collection[str] = (), only_failed: bool = False) -> StepTable:
    """Return the table of a report; ``opened`` names folded groups to show, ``only_failed`` leaves out what passed."""
    root = report.get("root")
    if not isinstance(root, Mapping):
        return StepTable(lines=(), total=0, failed=0)
    counted = _Counts(root)
    steps = _children(root)
    lines = _lines(steps, "", 0, counted, frozenset(opened), only_failed)
    return StepTable(lines=tuple(lines), total=counted.total, failed=counted.failed)


class _Counts:
    """How many steps lie below each step, and which have a failed one below."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.below: dict[int, int] = {}
        self.bad: set[int] = set()
        self.failed = 0
        self.total = self._count(root, 0)[0]

    def _count(self, step: Mapping[str, Any], depth: int) -> tuple[int, bool]:
        below, is_bad = 0, False
        for child in _children(step) if depth < _DEEPEST else ():
            count, bad = self._count(child, depth + 1)
            own = _status(child) in _BAD
            self.failed += own and not _children(child)
            below, is_bad = below + 1 + count, is_bad or bad or own
        self.below[id(step)] = below
        if is_bad:
            self.bad.add(id(step))
        return below, is_bad


def _lines(
    steps: list[Mapping[str, Any]],
    path: str,
    depth: int,
    counted: _Counts,
    opened: frozenset[str],
    only_failed: bool,
) -> Iterator[StepLine]:
    for number, step in enumerate(steps):
        place = f"{path}.{number}" if path else str(number)
        has_bad, below = id(step) in counted.bad, counted.below.get(id(step), 0)
        if only_failed and not has_bad and _status(step) not in _BAD:
            continue
        shows_children = only_failed or counted.total <= ALL_OPEN or has_bad or place in opened
        yield _line(step, place, depth, folded=0 if shows_children else below)
        if shows_children and depth < _DEEPEST:
            yield from _lines(_children(step), place, depth + 1, counted, opened, only_failed)


def _line(step: Mapping[str, Any], place: str, depth: int, *, folded: int) -> StepLine:
    measures = tuple(_measure(each) for each in _measures(step))
    only = measures[0] if len(measures) == 1 else Measure()
    return StepLine(
        path=place,
        depth=min(depth + _is_one_run(step), 12),
        name=_text(step, "name") or "(no name)",
        kind=_text(step, "stepType", "type"),
        status=_status(step),
        seconds=_number(step.get("totTime")),
        note=_note(step),
        caused_failure=bool(step.get("causedUUTFailure") or step.get("causedUutFailure")),
        first=only,
        measures=measures if len(measures) > 1 else (),
        plot=plot(step.get("chart")),
        folded=folded,
    )


def _measure(given: Mapping[str, Any]) -> Measure:
    operator = _text(given, "compOp")
    low, high = _number(given.get("lowLimit")), _number(given.get("highLimit"))
    limit = _text(given, "limit")
    return Measure(
        name=_text(given, "name"),
        status=_status(given),
        value=_number(given.get("value")),
        unit=_text(given, "unit"),
        low=low or limit,
        high=high,
        comparison=_COMPARISONS.get(operator, operator),
    )


def _measures(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for key in _MEASURES for each in _as_list(step.get(key))]


def _note(step: Mapping[str, Any]) -> str:
    parts = [text for key in _REMARKS if (text := _text(step, key))]
    loop, popup, program = (_part(step, key) for key in ("loop", "messagePopup", "callExe"))
    runs, passed, run = (_text(loop, *names) for names in (("num", "n"), ("passed",), ("idx", "i")))
    found = {
        f"{runs} runs, {passed} passed": runs and passed,
        f"{runs} runs": runs and not passed,
        f"run {int(run) + 1 if run.isdecimal() else run}": run and not runs,
        f"answer: {_text(popup, 'response')}": _text(popup, "response"),
        f"button {_text(popup, 'button')}": _text(popup, "button") and not _text(popup, "response"),
        f"exit code {_number(program.get('exitCode'))}": "exitCode" in program,
    }
    return "; ".join([text for text, applies in found.items() if applies] + parts)


def _is_one_run(step: Mapping[str, Any]) -> bool:
    """Return whether a step is one run of the loop above it; WATS lists both side by side."""
    loop = _part(step, "loop")
    return loop.get("idx", loop.get("i")) is not None and loop.get("num", loop.get("n")) is None


def _part(step: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = step.get(key)
    return found if isinstance(found, Mapping) else {}


def _children(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for key in _CHILDREN for each in _as_list(step.get(key))]


def _as_list(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _status(given: Mapping[str, Any]) -> str:
    word = _text(given, "status")
    return _WORDS.get(word.upper(), word)


def _text(given: Mapping[str, Any], *names: str) -> str:
    return next((visible(given[name]) for name in names if given.get(name) not in (None, "")), "")


def _number(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else visible(value)
