"""A figure: one measured ratio, printed as a line of JSON as soon as it is known, and as a row of a table in the end."""

from __future__ import annotations

import atexit
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A ratio, what it is to hold to (None: printed for information), and what it was made of."""

    figure: str
    name: str
    ratio: float
    bound: str | None = None
    details: Mapping[Any, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Tell whether the ratio keeps its bound, as ``<= 1.1`` or ``>= 0.45``."""
        if self.bound is None:
            return None
        sign, limit = self.bound.split()
        return self.ratio <= float(limit) if sign == "<=" else self.ratio >= float(limit)


class Board:
    """Collects figures."""

    def __init__(self) -> None:
        self._figures: list[Figure] = []

    def add(self, figure: Figure) -> None:
        """Print a figure's line and keep it for the table."""
        self._figures.append(figure)
        rounded = asdict(figure) | {"ratio": round(figure.ratio, 3), "holds": figure.holds}
        print(json.dumps(rounded), flush=True)

    def draw(self) -> None:
        """Print the table."""
        table = Table("figure", "what", "ratio", "bound", "holds")
        for each in self._figures:
            told = {True: "yes", False: "NO", None: ""}[each.holds]
            table.add_row(each.figure, each.name, f"{each.ratio:.3f}", each.bound or "", told)
        Console(width=120).print(table)


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    """Give the median of the pairs' ratios, first over second."""
    return statistics.median(first / second for first, second in pairs)


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that is there until all figures are measured.

    Removing thousands of files would slow down what is measured next: for up to six minutes ext4 uses no inode again that
    was freed (``recently_deleted`` in its ialloc.c), and each new file looks past all of them, 0.4 ms for some thousands.
    """
    if not _KEPT:
        atexit.register(_remove)
    made = Path(mkdtemp(prefix="pywats-archive-bench-"))
    _KEPT.append(made)
    yield made


_KEPT: list[Path] = []


def _remove() -> None:
    for made in _KEPT:
        rmtree(made, ignore_errors=True)
