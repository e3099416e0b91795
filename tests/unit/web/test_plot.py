"""The chart of a step."""

from __future__ import annotations

from typing import Any

import pytest

from pywats_archive.web.views.document.plot import HEIGHT, WIDTH, plot


def _chart(ydata: str, xdata: str | None = None, *, kind: str = "Line") -> dict[str, Any]:
    return {"chartType": kind, "label": "U", "yUnit": "V", "series": [{"name": "s", "xdata": xdata, "ydata": ydata}]}


def _points(chart: object) -> list[tuple[float, float]]:
    drawn = plot(chart)
    assert drawn
    x_and_y = (point.split(",") for point in drawn.lines[0].points.split(" "))
    return [(float(x), float(y)) for x, y in x_and_y]


def test_points_lie_between_the_axes() -> None:
    """The highest value is on top, and the ticks enclose all values."""
    drawn = plot(_chart("1;5;3", "0;1;2"))
    assert drawn and drawn.y_label == "y (V)" and drawn.lines[0].words == "3 points, 1 to 5"
    assert _points(_chart("1;5;3", "0;1;2")) == [(0, HEIGHT), (WIDTH / 2, 0), (WIDTH, HEIGHT / 2)]
    assert [tick.label for tick in drawn.y_ticks] == ["1", "2", "3", "4", "5"]


def test_without_x_values_points_are_numbered() -> None:
    """The first point is at 0."""
    drawn = plot(_chart("7;8;9"))
    assert drawn and (drawn.x_ticks[0].label, drawn.x_ticks[-1].label) == ("0", "2")


def test_a_logarithmic_axis() -> None:
    """Decades are equally far apart; a value without a logarithm is left out."""
    (first, second, third) = _points(_chart("1;10;100;0;-1", kind="LineLogY"))
    assert first[1] - second[1] == pytest.approx(second[1] - third[1])


def test_many_points_are_thinned_without_losing_a_peak() -> None:
    """The drawing stays small, and the only peak of 100,000 points is in it."""
    drawn = _points(_chart(";".join("9" if n == 77_777 else "1" for n in range(100_000))))
    assert len(drawn) <= 800 and min(y for _, y in drawn) < HEIGHT / 4


@pytest.mark.parametrize(
    "chart",
    [
        None, [], {}, {"series": "x"}, {"series": [None, {"ydata": 5}]}, _chart(""), _chart("a;b"), _chart("nan;inf;1e308"),
        _chart("-1;0", kind="LineLogXY"),
    ],
)  # fmt: skip
def test_without_a_point_there_is_no_drawing(chart: object) -> None:
    """Foreign charts have fields of other types; nothing raises."""
    assert plot(chart) is None


@pytest.mark.parametrize("ydata", ["0", "5;5", "9e299;-9e299", "1e-320;2e-320", "9e299", "1e17;1e17", "1e300;1;1e-300"])
def test_any_values_are_drawn(ydata: str) -> None:
    """One point, equal ones and the largest numbers have axes."""
    assert all(0 <= y <= HEIGHT for _, y in _points(_chart(ydata)))


def test_ticks_beyond_what_a_number_holds() -> None:
    """The axis of extreme values has ticks outside the range of floating-point numbers."""
    drawn = plot(_chart("1e-299;1e299", "1;2", kind="LineLogXY"))
    assert drawn and drawn.y_ticks[-1].label.startswith("1e")
