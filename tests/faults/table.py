"""What was tried, as a table: how many steps of each scenario went wrong, in each way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

TRIED = "steps that went wrong"
"""The property in which a passed test tells (scenario, kind of fault, number of steps)."""


def table(reports: Iterable[Any]) -> Iterator[str]:
    """Draw the table from the reports of passed tests; nothing when none of them tried a step."""
    tried = [value for report in reports for name, value in report.user_properties if name == TRIED]
    if not tried:
        return
    kinds = list(dict.fromkeys(kind for _, kind, _ in tried))
    counts = {(scenario, kind): steps for scenario, kind, steps in tried}
    scenarios = sorted({scenario for scenario, _, _ in tried})
    yield _row("scenario", kinds)
    for scenario in scenarios:
        yield _row(scenario, [counts.get((scenario, kind), "") for kind in kinds])
    yield _row("together", [sum(n for _, each, n in tried if each == kind) for kind in kinds])
    total = sum(steps for _, _, steps in tried)
    yield f"{len(scenarios)} scenarios, {total} steps went wrong, 0 invariants broken"


def _row(name: str, cells: Iterable[object]) -> str:
    return f"{name:<34}" + "".join(f"{cell!s:>12}" for cell in cells)
