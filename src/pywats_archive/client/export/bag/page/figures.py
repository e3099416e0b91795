"""The figures of an export, counted in one pass; they take as much memory as there are days and converters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from pywats_archive.client.export.bag.work import Line

GROUPS = ("passed", "failed", "unknown")
"""How a unit's test ended; of ``unknown`` ones no report says it."""
_MOST_BARS = 60
_PASSED = ("PASSED", "DONE")


@dataclass(kw_only=True, slots=True)
class Figures:
    """Counts over the entries of an export."""

    entries: int = 0
    reports: int = 0
    purged: int = 0
    files: int = 0
    size_bytes: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)
    converters: dict[str, Counter[str]] = field(default_factory=dict)
    days: dict[date, Counter[str]] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Count one entry."""
        row = line["row"]
        group = "unknown" if row["result"] is None else "passed" if row["result"] in _PASSED else "failed"
        self.entries += 1
        self.reports += len(line["reports"])
        self.purged += row["purged_at"] is not None
        self.statuses[row["conversion_status"]] += 1
        self.results[row["result"] or "unknown"] += 1
        self.converters.setdefault(row["converter_name"], Counter())[group] += 1
        self.days.setdefault(date.fromisoformat(row["conversion_timestamp"][:10]), Counter())[group] += 1
        present = [each for each in line["files"] if each["path"]]
        self.files += len(present)
        self.size_bytes += sum(each["size_bytes"] for each in present)


def counted(lines: Iterable[Line]) -> Figures:
    """Return the figures of all entries."""
    figures = Figures()
    for line in lines:
        figures.add(line)
    return figures


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """The entries of some days in a row."""

    first: date
    last: date
    counts: Counter[str]


def bars(days: dict[date, Counter[str]]) -> tuple[Bar, ...]:
    """Return at most sixty bars over all days from the first to the last, each of equally many days."""
    if not days:
        return ()
    first, last = min(days), max(days)
    width = -(-((last - first).days + 1) // _MOST_BARS)
    return tuple(_bars(days, first, last, width))


def _bars(days: dict[date, Counter[str]], first: date, last: date, width: int) -> Iterator[Bar]:
    number = (last - first).days // width + 1
    found = [Counter[str]() for _ in range(number)]
    for day, counts in days.items():
        found[(day - first).days // width].update(counts)
    for at, counts in enumerate(found):
        begin = first + timedelta(days=at * width)
        yield Bar(first=begin, last=min(begin + timedelta(days=width - 1), last), counts=counts)
