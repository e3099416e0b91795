"""A report's steps as lines."""

from __future__ import annotations

from typing import Any

from pywats_archive.web.views.steps import ALL_OPEN, Measure, table


def _step(name: str, status: str = "P", *, steps: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "stepType": "ET_NLT", **more, **({"steps": steps} if steps else {})}


def _steps_of(group: int) -> list[dict[str, Any]]:
    return [_step(f"g{group}s{number}", "F" if group == number == 3 else "P") for number in range(10)]


def _report(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"root": {"name": "Main", "status": "P", "steps": list(steps)}}


def test_a_measure_with_its_limits() -> None:
    """Value, unit, limits and comparison stand on the step's own line."""
    measure = {"value": 100.08, "unit": "Ohm", "compOp": "GELE", "lowLimit": 90.0, "highLimit": 110.0, "status": "P"}
    (line,) = table(_report(_step("R1", numericMeas=[measure], totTime=0.25))).lines
    assert line.first == Measure(status="Passed", value="100.08", unit="Ohm", low="90", high="110", comparison="≥ ≤")
    assert (line.name, line.status, line.seconds, line.measures) == ("R1", "Passed", "0.25", ())


def test_several_measures_are_lines_beneath() -> None:
    """A step with several measures shows each with its name."""
    step = _step("resp", numericMeas=[{"name": "min", "value": 1}, {"name": "max", "value": 2}])
    (line,) = table(_report(step)).lines
    assert line.first == Measure() and [each.name for each in line.measures] == ["min", "max"]


def test_only_what_failed() -> None:
    """What passed is left out; the way to each failure stays."""
    report = _report(_step("a", steps=[_step("a1"), _step("a2", "F")]), _step("b"), _step("c", "E"))
    found = table(report, only_failed=True)
    assert [(line.name, line.depth) for line in found.lines] == [("a", 0), ("a2", 1), ("c", 0)]
    assert (found.total, found.failed, found.first_failed) == (5, 2, "0.1")
    assert table(_report(_step("a", "F", steps=[_step("a1", "F")]))).first_failed == "0.0"
    assert table(_report(_step("a"))).first_failed == ""


def test_a_long_report_is_folded_but_for_its_failures() -> None:
    """Of many steps the groups are shown, with those that failed open; an opened group shows its steps."""
    groups = [_step(f"g{n}", steps=_steps_of(n)) for n in range(ALL_OPEN // 10)]
    found = table(_report(*groups))
    assert len(found.lines) == len(groups) + 10 and sum(line.folded for line in found.lines) == found.total - len(
        found.lines
    )
    opened = table(_report(*groups), opened=["0"])
    assert [line.name for line in opened.lines][:2] == ["g0", "g0s0"] and opened.lines[0].folded == 0


def test_a_report_of_any_shape_is_shown() -> None:
    """Foreign documents have fields of other types; nothing raises."""
    roots: list[Any] = [
        None,
        [],
        "x",
        {},
        {"steps": "x"},
        {"steps": [1, None, {"name": ["x"], "numericMeas": {"a": 1}}]},
    ]
    for root in roots:
        table({"root": root})
    deep: dict[str, Any] = {"name": "end"}
    for _ in range(500):
        deep = {"name": "s", "steps": [deep]}
    assert table({"root": deep}).total > 0
