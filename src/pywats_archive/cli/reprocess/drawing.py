"""Drawing what replays did, and what they would change."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pywats_archive.cli.output import console, print_json, printable, values_of
from pywats_archive.models.operation.replay import ChangeGroup, ItemResult, ReprocessingResult

_SHOWN_GROUPS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult(ReprocessingResult):
    """What a run did so far, or would do."""

    duration_s: float
    """Duration of the run; the same as ``duration``."""


def report(result: ReprocessingResult, *, as_json: bool, is_check: bool = False) -> int:
    """Draw what a run did, or write it as JSON; 1 when something failed or was skipped, in a check when something differs."""
    if as_json:
        print_json(RunResult(**values_of(result), duration_s=result.duration.total_seconds()))
    else:
        _draw(result)
    differs = is_check and result.by_comparison.get("same", 0) != result.total_archives
    return 1 if result.failed or result.skipped or differs else 0


def _draw(result: ReprocessingResult) -> None:
    what = "would be replayed" if result.dry_run else "replayed"
    text = f"run {result.run_id}: {result.processed} of {result.total_archives} entries {what}"
    console.print(f"{text}: {_counts(result.by_comparison) or 'nothing'}")
    if waiting := result.effects.get("replaces", 0) + result.effects.get("second", 0) + result.effects.get("new", 0):
        is_sent = result.is_submitted and not result.dry_run
        text = "wait in the outbox: the service sends them, or 'pywats-archive run --until-idle'"
        console.print(f"{waiting} reports {text if is_sent else 'are not sent'}")
    if result.effects:
        console.print(f"reports on the server: {_counts(result.effects)}")
    if result.no_successor:
        line = f"{result.no_successor} reports on the server have no successor: they stay there"
        console.print(f"{line}; 'reprocess diff {result.run_id}' names them", soft_wrap=True, style="yellow")
    for group in result.changes[:_SHOWN_GROUPS]:
        console.print(printable(_group(group, result.processed)), soft_wrap=True)
    if len(result.changes) > _SHOWN_GROUPS:
        console.print(f"... and {len(result.changes) - _SHOWN_GROUPS} more; 'reprocess diff {result.run_id}' shows all")
    for serial, old, new in result.verdict_changes:
        console.print(printable(f"the verdict changes: {serial} from {old} to {new}"), soft_wrap=True, style="yellow")
    for reason, number in result.skipped_because.items():
        console.print(printable(f"{number} skipped: {reason}"), soft_wrap=True, style="yellow")
    for archive_id, error in result.errors[:_SHOWN_GROUPS]:
        console.print(printable(f"{archive_id}: {error}"), soft_wrap=True, style="red")


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counted.items())


def _group(group: ChangeGroup, total: int) -> str:
    named = "" if group.entries > len(group.archive_ids) else f" ({', '.join(group.archive_ids)})"
    return f"{group.entries} of {total}: {group.path} {_values(group)}{named}"


def _values(change: Any) -> str:
    if change.kind.value == "added":
        return f"+ {_short(change.new)}"
    return (
        f"- {_short(change.old)}" if change.kind.value == "removed" else f"{_short(change.old)} → {_short(change.new)}"
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def draw_item(item: ItemResult) -> None:
    """Draw every change of one entry."""
    how = item.skipped_because or (item.comparison.value.replace("_", " ") if item.comparison else item.state.value)
    console.print(printable(f"{item.archive_id}  {item.serial_number or ''}  {how}"), soft_wrap=True, style="bold")
    for report_id in item.no_successor:
        console.print(printable(f"  no successor: report {report_id}"), soft_wrap=True, style="yellow")
    for change in item.changes:
        console.print(printable(f"  {change.path} {_values(change)}"), soft_wrap=True)
    for change in item.volatile:
        console.print(printable(f"  {change.path} {_values(change)} (volatile)"), soft_wrap=True, style="dim")


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
