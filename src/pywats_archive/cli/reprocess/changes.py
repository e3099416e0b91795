"""Drawing what a run changes: changes that several entries share, once, then the entries that differ by themselves."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.cli.output import console
from pywats_archive.cli.reprocess import phrases
from pywats_archive.cli.reprocess.values import arrow_of, pattern_of
from pywats_archive.models.operation.replay import (
    Change,
    Comparison,
    Effect,
    ItemResult,
    ItemState,
    ReprocessingResult,
)
from pywats_archive.models.report import word_of
from pywats_archive.words.text import counted, printable

_SEVERAL, _NAMED = 2, 2
_MOST_LINES, _MOST_ENTRIES, _MOST_CHANGES = 30, 50, 20
_LISTED = frozenset({Comparison.NEWLY_FAILING, Comparison.NEWLY_SUCCEEDING, Comparison.NOTHING_BEFORE})
"""Comparisons by which an entry is listed whatever else it shares."""


@dataclass(frozen=True, slots=True)
class _Shared:
    """Something that several entries have in common: a change, or why they were skipped or failed."""

    line: str
    ids: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    """Where the change is: one path, or several that differ by their positions in lists."""

    def __str__(self) -> str:
        number = counted(len(self.ids), "entry", "entries")
        line = self.line if len(self.paths) != 1 else f"{next(iter(self.paths))}{self.line[self.line.index(' ') :]}"
        places = f" ({len(self.paths)} positions)" if len(self.paths) > 1 else ""
        named = f" ({', '.join(sorted(self.ids))})" if len(self.ids) <= _NAMED else ""
        return f"{number}: {line}{places}{named}"


def draw_changes(items: Sequence[ItemResult], result: ReprocessingResult, *, hidden: int) -> None:
    """Draw the changes of a run, grouped where entries change alike."""
    _draw_head(items, result, hidden)
    changes, reasons = _changes_of(items), _reasons_of(items)
    shared = {key: each for key, each in changes.items() if len(each.ids) >= _SEVERAL}
    lines = sorted([*shared.values(), *reasons.values()], key=lambda each: -len(each.ids))
    for each in lines[:_MOST_LINES]:
        console.print(printable(f"  {each}"), soft_wrap=True)
    if len(lines) > _MOST_LINES:
        console.print(f"  ... and {len(lines) - _MOST_LINES} more; --all shows every change of every entry")
    listed = [item for item in items if _is_listed(item, shared)]
    for item in listed[:_MOST_ENTRIES]:
        _draw_own(item, result, shared)
    if len(listed) > _MOST_ENTRIES:
        rest = f"... and {len(listed) - _MOST_ENTRIES} more entries"
        console.print(f"{rest}; --all shows them, --csv FILE and --json write them")


def draw_item(item: ItemResult, result: ReprocessingResult) -> None:
    """Draw every change of one entry."""
    _draw_entry(item, result)
    for change in item.changes:
        console.print(printable(f"  {change.path} {arrow_of(change)}"), soft_wrap=True)
    for change in item.volatile:
        console.print(printable(f"  {change.path} {arrow_of(change)} (volatile)"), soft_wrap=True, style="dim")


def write_csv(path: Path, items: Iterable[ItemResult]) -> None:
    """Write a line for each change into a new file; OSError if the file exists."""
    columns = ("path", "kind", "old", "new", "is_volatile", "reason")
    with path.open("x", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream)
        writer.writerow(["archive_id", "serial_number", "state", "comparison", *columns])
        for item in items:
            comparison = item.comparison.value if item.comparison else ""
            head = [item.archive_id, item.serial_number or "", item.state.value, comparison]
            for is_volatile, changes in enumerate((item.changes, item.volatile)):
                for each in changes:
                    writer.writerow([*head, each.path, each.kind.value, each.old, each.new, is_volatile, ""])
            if not (item.changes or item.volatile):
                writer.writerow([*head, "", "", "", "", "", item.skipped_because or item.error or ""])


def _draw_head(items: Sequence[ItemResult], result: ReprocessingResult, hidden: int) -> None:
    console.print(phrases.headline(result), style="bold")
    done = Counter(item.comparison for item in items if item.state is ItemState.DONE)
    failing, skipped = done.pop(Comparison.STILL_FAILING, 0), sum(item.state is ItemState.SKIPPED for item in items)
    same = done.pop(Comparison.SAME, 0) + hidden
    line = f"{done.total()} of {counted(result.total_archives, 'entry', 'entries')} {phrases.changed(result)}"
    others = ((failing, "still failing"), (skipped, "skipped"), (same, "unchanged"))
    line += "".join(f", {number} {what}" for number, what in others if number)
    console.print(line + (" (--all shows them)" if hidden else ""))


def _changes_of(items: Iterable[ItemResult]) -> dict[str, _Shared]:
    found: dict[str, _Shared] = {}
    for item in items:
        for change in item.changes:
            same = found.setdefault(_key(change), _Shared(f"{pattern_of(change.path)} {arrow_of(change)}"))
            same.ids.add(item.archive_id)
            same.paths.add(change.path)
    return found


def _reasons_of(items: Iterable[ItemResult]) -> dict[str, _Shared]:
    found: dict[str, _Shared] = {}
    for item in items:
        if reason := _reason_of(item):
            found.setdefault(reason, _Shared(reason)).ids.add(item.archive_id)
    return found


def _reason_of(item: ItemResult) -> str | None:
    if item.state is ItemState.PLANNED:
        return "not replayed yet"
    if item.skipped_because:
        return f"skipped: {item.skipped_because}"
    return f"still failing: {item.error or 'no reason given'}" if item.comparison is Comparison.STILL_FAILING else None


def _is_listed(item: ItemResult, shared: Collection[str]) -> bool:
    """Return whether an entry has something of its own."""
    has_own = any(_key(change) not in shared for change in item.changes) or item.volatile
    needs_person = item.turns_verdict or item.no_successor or Effect.AMBIGUOUS in item.effects
    is_other_count = item.comparison is Comparison.CHANGED and not item.changes
    return bool(has_own or needs_person or is_other_count or item.comparison in _LISTED)


def _draw_own(item: ItemResult, result: ReprocessingResult, shared: Collection[str]) -> None:
    _draw_entry(item, result)
    own = [change for change in item.changes if _key(change) not in shared]
    for change in own[:_MOST_CHANGES]:
        console.print(printable(f"  {change.path} {arrow_of(change)}"), soft_wrap=True)
    if len(own) > _MOST_CHANGES:
        more = f"... and {len(own) - _MOST_CHANGES} more"
        console.print(f"  {more}; 'reprocess diff {result.run_id} {item.archive_id}' shows all")
    for change in item.volatile:
        console.print(printable(f"  {change.path} {arrow_of(change)} (volatile)"), soft_wrap=True, style="dim")


def _draw_entry(item: ItemResult, result: ReprocessingResult) -> None:
    how = item.skipped_because or (item.comparison.value.replace("_", " ") if item.comparison else item.state.value)
    line = f"{item.archive_id}  {item.serial_number or '-'}  {how}"
    if item.turns_verdict and not item.skipped_because:
        line += f"  ! {phrases.turns(result)} from {word_of(item.old_verdict)} to {word_of(item.new_verdict)}"
    console.print(printable(line), soft_wrap=True, style="bold red" if item.turns_verdict else "bold")
    if item.error and item.comparison is not Comparison.STILL_FAILING:
        console.print(printable(f"  {item.error}"), soft_wrap=True, style="red")
    for report_id in item.no_successor:
        console.print(printable(f"  no successor: report {report_id}"), soft_wrap=True, style="yellow")


def _key(change: Change) -> str:
    return json.dumps([pattern_of(change.path), change.kind.value, change.old, change.new], sort_keys=True, default=str)
