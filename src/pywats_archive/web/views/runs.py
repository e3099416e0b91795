"""Runs as the pages show them: their state, outcomes, groups of alike changes and what they do on the server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pywats_archive.models.operation.replay import (
    Change,
    ChangeGroup,
    ChangeKind,
    Comparison,
    Effect,
    ReprocessingResult,
    Run,
    RunState,
)
from pywats_archive.models.report import SubmissionState, word_of
from pywats_archive.web.views.words import Badge, visible

_SENT = (Effect.REPLACES, Effect.SECOND, Effect.NEW)
_STATES = {
    RunState.RUNNING: Badge("Interrupted", "warn"),
    RunState.DONE: Badge("Done", "good"),
    RunState.CANCELLED: Badge("Cancelled", "warn"),
    RunState.ROLLED_BACK: Badge("Taken back", "warn"),
}
_COMPARISONS = {
    Comparison.SAME: ("unchanged", "same"),
    Comparison.CHANGED: ("changed", "changed"),
    Comparison.NEWLY_SUCCEEDING: ("now converted", "good"),
    Comparison.NOTHING_BEFORE: ("nothing to compare with", "changed"),
    Comparison.STILL_FAILING: ("still failing", "bad"),
    Comparison.NEWLY_FAILING: ("newly failing", "bad"),
}
_EFFECTS = {
    Effect.REPLACES: "Replace the report on the server",
    Effect.SECOND: "Added beside the report on the server",
    Effect.NEW: "New to the server",
    Effect.UNCHANGED: "On the server already, not sent",
    Effect.UNKNOWN: "May be on the server under another id, not sent",
    Effect.TAKEN_OVER: "Belong to a later entry of the same file, not sent",
    Effect.AMBIGUOUS: "May replace several reports, not sent",
}
_SUBMISSIONS = {
    SubmissionState.ACCEPTED: "Accepted by the server",
    SubmissionState.WAITING: "Waiting to be sent",
    SubmissionState.REFUSED: "Refused by the server",
    SubmissionState.WITHHELD: "Not sent",
}
_CONDITIONS = {
    "converter_name": "converter",
    "from_date": "from",
    "to_date": "to",
    "status": "status",
    "result": "result",
    "serial_number": "serial",
    "part_number": "part",
    "text": "text",
    "failure_reason": "reason",
    "mode": "mode",
    "warned": "with warnings",
    "submission": "report",
}
_NAMED = 3
MOST_LINES = 100
"""Lines of a table that a page shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A part of the bar of outcomes."""

    label: str
    count: int
    tone: str
    start: float
    width: float
    """Both in hundredths of the bar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeLine:
    """The same change in several entries, at one position of a list or at several."""

    entries: int
    path: str
    positions: int
    old: str
    new: str
    archive_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """Units whose result turns the same way."""

    old: str
    new: str
    serials: tuple[str, ...]


def kind(request: Mapping[str, Any]) -> str:
    """Return what a run does with the new reports."""
    if request.get("dry_run"):
        return "comparison"
    return "sending" if request.get("submit_to_server") else "recording"


def state_badge(state: RunState, activity: str) -> Badge:
    """Return the badge of a run; ``activity`` is what a process does with it now."""
    return Badge(activity.capitalize(), "plain") if activity else _STATES[state]


def activity(state: RunState, verb: str, *, is_locked: bool) -> str:
    """Return what a process does with a run: ``replaying``, ``taking back`` or nothing.

    ``verb`` is that of a process which the pages started; ``is_locked`` says that some process replays.
    """
    if state is RunState.RUNNING:
        return "replaying" if verb == "resume" or is_locked else ""
    return "taking back" if verb == "rollback" and state is not RunState.ROLLED_BACK else ""


def progress(run: Run) -> tuple[Part, ...]:
    """Return the bar of a run in the list."""
    return _bar(
        (("replayed", run.done, "good"), ("skipped", run.skipped, "skipped"), ("left", run.planned, "left")), run.total
    )


def outcomes(result: ReprocessingResult) -> tuple[Part, ...]:
    """Return the bar of outcomes of a run."""
    compared = ((label, result.by_comparison.get(each.value, 0), tone) for each, (label, tone) in _COMPARISONS.items())
    others = (("skipped", result.skipped, "skipped"), ("left", result.planned, "left"))
    return _bar((*compared, *others), result.total_archives)


def _bar(counts: Sequence[tuple[str, int, str]], total: int) -> tuple[Part, ...]:
    parts, start = list[Part](), 0.0
    for label, count, tone in counts:
        if count:
            width = 100 * count / total
            parts.append(Part(label=label, count=count, tone=tone, start=round(start, 3), width=round(width, 3)))
            start += width
    return tuple(parts)


def changes(groups: Sequence[ChangeGroup]) -> tuple[ChangeLine, ...]:
    """Return a line for each change; the same change at several positions of a list is one line."""
    alike: dict[tuple[str, str, str], list[ChangeGroup]] = {}
    for group in groups:
        alike.setdefault((re.sub(r"\[\d+\]", "[*]", group.path), *_values(group)), []).append(group)
    return tuple(
        ChangeLine(
            entries=max(each.entries for each in found),
            path=visible(found[0].path if len(found) == 1 else pattern),
            positions=len(found),
            old=old,
            new=new,
            archive_ids=found[0].archive_ids[:_NAMED],
        )
        for (pattern, old, new), found in alike.items()
    )


def _values(change: Change | ChangeGroup) -> tuple[str, str]:
    old = "" if change.kind is ChangeKind.ADDED else visible(change.old, most=120)
    return old, "" if change.kind is ChangeKind.REMOVED else visible(change.new, most=120)


def turns(result: ReprocessingResult) -> tuple[Turn, ...]:
    """Return the units whose result turns, by how it turns."""
    found: dict[tuple[str, str], list[str]] = {}
    for serial, old, new in result.verdict_changes:
        found.setdefault((word_of(old), word_of(new)), []).append(visible(serial, most=60))
    return tuple(Turn(old=old, new=new, serials=tuple(serials)) for (old, new), serials in found.items())


def at_server(result: ReprocessingResult) -> tuple[tuple[int, str], ...]:
    """Return number and words of what the reports do, or did, on the server."""
    if result.is_submitted and result.submissions:
        return tuple((number, _SUBMISSIONS[SubmissionState(state)]) for state, number in result.submissions.items())
    return tuple((number, _EFFECTS[Effect(name)]) for name, number in result.effects.items())


def to_send(result: ReprocessingResult) -> int:
    """Return how many reports of a comparison would be sent."""
    return sum(result.effects.get(effect.value, 0) for effect in _SENT)


def why_not_sent(result: ReprocessingResult) -> str:
    """Return why nothing can be sent after a run; empty if it can."""
    if not result.dry_run:
        return "only what was compared can be sent"
    if result.state is not RunState.DONE:
        return "the comparison is not finished"
    if result.request.get("converter_file"):
        return "the comparison tried a converter file; make it the station's converter, and compare again"
    if not to_send(result):
        return "no report differs from what the server has"
    return ""


def chosen(selection: Mapping[str, Any]) -> str:
    """Return how the entries of a run were chosen."""
    if ids := selection.get("archive_ids"):
        return ", ".join(ids[:_NAMED]) + (", …" if len(ids) > _NAMED else "")
    if "entries_of" in selection:
        return f"the entries of run {selection['entries_of']}"
    if "from_plan" in selection:
        return f"what the replay {selection['from_plan']} of all stations tried"
    found = [f"{label} {str(selection[name])[:60]}" for name, label in _CONDITIONS.items() if name in selection]
    sample = f"a sample of {selection['sample']}: " if selection.get("sample") else ""
    return sample + (", ".join(found) or ("all entries" if "all" in selection else "not recorded"))


def about(seconds: float) -> str:
    """Write an estimated duration."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
