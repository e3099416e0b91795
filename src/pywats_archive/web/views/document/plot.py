"""The chart of a step as lines in a drawing: points, axes and what each line says in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pywats_archive.web.views.words import visible

WIDTH, HEIGHT = 640, 240
"""Of the area between the axes, in the drawing's own units."""
_LINES, _READ, _DRAWN = 12, 200_000, 800
_TICKS = 5
_GREATEST_POWER = 300
_LARGEST = 1e300
"""Of larger numbers the differences are no numbers."""
_STEPS = (1, 2, 2.5, 5, 10)

Point = tuple[float, float]
Scale = Callable[[float], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A mark of an axis."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlotLine:
    """One series of a chart."""

    name: str
    points: str
    """The points as SVG's ``polyline`` takes them."""
    words: str
    """How many points there are, and between which values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A chart that can be drawn."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[PlotLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    more: int = 0
    """Series that are not drawn."""
    width: int = WIDTH
    height: int = HEIGHT


def plot(chart: object) -> Plot | None:
    """Return the drawing of a step's chart; None if it has no point that can be drawn."""
    if not isinstance(chart, Mapping):
        return None
    kind = str(chart.get("chartType", ""))
    is_log_x, is_log_y = kind in ("LineLogXY", "LineLogX"), kind in ("LineLogXY", "LineLogY")
    given = chart.get("series")
    members = [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []
    series = [(_name(each), _points(each, is_log_x=is_log_x, is_log_y=is_log_y)) for each in members[:_LINES]]
    every = [point for _, points in series for point in points]
    if not every:
        return None
    x_scale, x_ticks = _axis([x for x, _ in every], WIDTH, is_log=is_log_x)
    y_scale, y_ticks = _axis([y for _, y in every], HEIGHT, is_log=is_log_y, is_upward=True)
    return Plot(
        title=visible(chart.get("label") or "Chart"),
        x_label=_label(chart, "x"),
        y_label=_label(chart, "y"),
        lines=tuple(_line(name, points, x_scale, y_scale) for name, points in series if points),
        x_ticks=x_ticks,
        y_ticks=y_ticks,
        more=max(len(members) - _LINES, 0),
    )


def _name(series: Mapping[str, Any]) -> str:
    return visible(series.get("name") or "values", most=80)


def _label(chart: Mapping[str, Any], axis: str) -> str:
    name, unit = chart.get(f"{axis}Label") or axis, chart.get(f"{axis}Unit")
    return visible(f"{name} ({unit})" if unit else name, most=80)


def _points(series: Mapping[str, Any], *, is_log_x: bool, is_log_y: bool) -> list[Point]:
    """Return the points of a series; without x values they are numbered."""
    ys = _numbers(series.get("ydata"))
    xs: Iterable[float] = _numbers(series.get("xdata")) or range(len(ys))
    return [
        (x, y)
        for x, y in zip(xs, ys)  # noqa: B905 (the shorter one ends)
        if abs(x) < _LARGEST and abs(y) < _LARGEST and (x > 0 or not is_log_x) and (y > 0 or not is_log_y)
    ]


def _numbers(text: object) -> list[float]:
    return [_number(part) for part in text.split(";", _READ)[:_READ]] if isinstance(text, str) and text else []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _axis(
    values: Sequence[float], length: int, *, is_log: bool, is_upward: bool = False
) -> tuple[Scale, tuple[Tick, ...]]:
    """Return how a value is placed on an axis, and its ticks."""
    shown = [math.log10(value) for value in values] if is_log else values
    ticks = _ticks(min(shown), max(shown))
    low, span = min(*shown, *ticks), (max(*shown, *ticks) - min(*shown, *ticks)) or 1.0

    def place(value: float) -> float:
        part = (value - low) / span
        return round((1 - part if is_upward else part) * length, 1)

    def scale(value: float) -> float:
        return place(math.log10(value) if is_log else value)

    return scale, tuple(Tick(at=place(tick), label=_power(tick) if is_log else _written(tick)) for tick in ticks)


def _power(exponent: float) -> str:
    """Write a power of ten; those beyond what a number holds, as a power."""
    return _written(10**exponent) if abs(exponent) < _GREATEST_POWER else f"1e{exponent:g}"


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers that enclose an interval."""
    span = high - low
    if span <= max(abs(high), abs(low)) * 1e-12 or span < 1e-300:
        return [low - 0.5, low + 0.5] if low + 0.5 != low else [low, high]
    raw = span / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in _STEPS if factor * power >= raw), raw) or raw
    first = math.floor(low / step)
    return [round((first + n) * step, 12) for n in range(math.ceil(high / step) - first + 1)]


def _line(name: str, points: Sequence[Point], x_scale: Scale, y_scale: Scale) -> PlotLine:
    ys = [y for _, y in points]
    words = f"{len(points):,} points, {_written(min(ys))} to {_written(max(ys))}"
    drawn = " ".join(f"{x_scale(x):g},{y_scale(y):g}" for x, y in _thinned(points))
    return PlotLine(name=name, points=drawn, words=words)


def _thinned(points: Sequence[Point]) -> Iterable[Point]:
    """Keep the lowest and the highest point of each stretch, so that no peak is lost."""
    if len(points) <= _DRAWN:
        return points
    size = math.ceil(len(points) * 2 / _DRAWN)
    stretches = (points[at : at + size] for at in range(0, len(points), size))
    return [point for each in stretches for point in _ends(each)]


def _ends(stretch: Sequence[Point]) -> list[Point]:
    ends = {
        min(range(len(stretch)), key=lambda n: stretch[n][1]),
        max(range(len(stretch)), key=lambda n: stretch[n][1]),
    }
    return [stretch[n] for n in sorted(ends)]


def _written(value: float) -> str:
    return f"{value:.6g}"
