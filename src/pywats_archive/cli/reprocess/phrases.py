"""The words for a run: they fit what it did, a dry run, a recorded one or a sent one, and what became of it since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pywats_archive.cli.options import quoted
from pywats_archive.models.operation.replay import CodeChange, Effect, ReprocessingResult, RunState
from pywats_archive.models.report import SubmissionState, word_of
from pywats_archive.words.text import counted
from pywats_archive.words.times import when

_SHOWN_IDS, _CODE_DIGITS = 3, 8
_OPTIONS = {
    "converter_name": "--converter",
    "from_date": "--from",
    "to_date": "--to",
    "status": "--status",
    "result": "--result",
    "serial_number": "--serial",
    "part_number": "--part",
    "text": "--text",
    "mode": "--mode",
}
"""The options of ``reprocess start`` for the conditions of a selection."""
_EFFECTS = {
    Effect.REPLACES: "replace the one on the server",
    Effect.SECOND: "are added beside the one on the server",
    Effect.NEW: "are new to the server",
    Effect.UNCHANGED: "are already on the server",
    Effect.UNKNOWN: "may be on the server under another id, and are not sent",
    Effect.TAKEN_OVER: "belong to a later entry of the same file, and are not sent",
    Effect.AMBIGUOUS: "are ambiguous, and are not sent",
}
_SUBMISSIONS = {
    SubmissionState.ACCEPTED: "accepted by the server",
    SubmissionState.WAITING: "waiting to be sent",
    SubmissionState.REFUSED: "refused by the server",
    SubmissionState.WITHHELD: "not sent",
}


def headline(result: ReprocessingResult) -> str:
    """Return the state of a run in one line."""
    kind = "dry run, " if result.dry_run else ""
    return f"run {result.run_id}: {kind}{_state(result)}"


def _state(result: ReprocessingResult) -> str:
    left = f"{result.planned} of {counted(result.total_archives, 'entry', 'entries')}"
    if result.state is RunState.RUNNING:
        return f"not finished, {left} are left"
    if result.state is RunState.CANCELLED:
        return f"cancelled, {left} were not replayed"
    if result.state is RunState.ROLLED_BACK:
        return "rolled back, its entries show their earlier conversions again"
    if result.dry_run:
        return "done, nothing was recorded or sent"
    if not result.is_submitted:
        return "done, recorded, nothing was sent"
    if SubmissionState.WAITING.value in result.submissions:
        return "done, recorded, some reports wait to be sent"
    is_sent = SubmissionState.ACCEPTED.value in result.submissions
    return "done, recorded, " + ("what changed was sent" if is_sent else "nothing was sent")


def kind(request: Mapping[str, Any]) -> str:
    """Return what a run does with the new reports."""
    return "dry run" if request.get("dry_run") else "sent" if request.get("submit_to_server") else "recorded"


def changed(result: ReprocessingResult) -> str:
    """Return the verb for what a run changes."""
    if result.dry_run:
        return "would change"
    return "changed, until the rollback" if result.state is RunState.ROLLED_BACK else "changed"


def replayed(result: ReprocessingResult) -> str:
    """Return the verb for what a run does with entries."""
    return "would be replayed" if result.dry_run else "replayed"


def turned(result: ReprocessingResult, number: int, old: str, new: str) -> str:
    """Return the words for units whose result changes."""
    held = ", held back" if _is_held_back(result) else ""
    return f"{counted(number, 'unit')} {turns(result)} from {word_of(old)} to {word_of(new)}{held}"


def turns(result: ReprocessingResult) -> str:
    """Return the verb for a unit whose result changes."""
    return "would turn" if result.dry_run or _is_held_back(result) else "turned"


def _is_held_back(result: ReprocessingResult) -> bool:
    return result.is_submitted and not result.request.get("allow_verdict_change")


def code(change: CodeChange) -> str:
    """Return the version and code of a converter, before and after."""
    old, new = _short(change.old_fingerprint), _short(change.new_fingerprint)
    versions = _pair(change.old_version or "?", change.new_version or "?")
    marks = f"code {_pair(old, new)}" if old != new else f"code {new}, the same"
    return f"{change.converter_name} {versions} ({marks}), {counted(change.entries, 'entry', 'entries')}"


def reports(result: ReprocessingResult) -> str | None:
    """Return what the run's reports do, or did, on the server."""
    if result.is_submitted and result.submissions:
        return ", ".join(
            f"{number} {_SUBMISSIONS[SubmissionState(state)]}" for state, number in result.submissions.items()
        )
    if not result.effects:
        return None
    effects = ", ".join(f"{number} {_EFFECTS[Effect(name)]}" for name, number in result.effects.items())
    return effects if result.effects.keys() <= {Effect.UNCHANGED.value} else f"if they are sent: {effects}"


def selection(choice: Mapping[str, Any], total: int) -> str:
    """Return how the entries of a run were chosen, with their number."""
    return chosen(choice, total) if choice.get("sample") else f"{total}: {chosen(choice, total)}"


def chosen(choice: Mapping[str, Any], total: int) -> str:
    """Return how the entries of a run were chosen."""
    if not (sample := choice.get("sample")):
        return _choice(choice, total)
    seed = choice.get("sample_seed")
    how = "evenly spaced" if seed is None else f"at random, seed {seed}"
    return f"a sample of {sample} of {choice['sample_of']}, {how}: {_choice(choice, choice['sample_of'])}"


def _choice(chosen: Mapping[str, Any], total: int) -> str:
    if ids := chosen.get("archive_ids"):
        return ", ".join(ids[:_SHOWN_IDS]) + (", ..." if total > _SHOWN_IDS else "")
    if "entries_of" in chosen:
        return f"the entries of run {chosen['entries_of']}"
    if "from_plan" in chosen:
        return f"what the replay {chosen['from_plan']} of all stations tried"
    found = [f"{option[2:]} {_shown(name, chosen[name])}" for name, option in _OPTIONS.items() if name in chosen]
    return ", ".join(found) or ("all" if "all" in chosen else "not recorded how they were chosen")


def _shown(name: str, value: object) -> str:
    return when(datetime.fromisoformat(str(value))) if name in ("from_date", "to_date") else str(value)


def selecting(result: ReprocessingResult) -> str:
    """Return the words that choose the same entries again; for a sample, what it was taken of."""
    chosen = dict(result.request.get("selection", {}))
    is_sample = "sample" in chosen
    for name in ("sample", "sample_of", "sample_seed"):
        chosen.pop(name, None)
    order = [] if chosen.pop("newest_first", True) else ["--oldest-first"]
    if "all" in chosen:
        return " ".join(["--all", *order])
    if "entries_of" in chosen and is_sample:
        return f"--entries-of {chosen['entries_of']}"
    if "from_plan" in chosen:
        return f"--from-plan {chosen['from_plan']}"
    if not chosen or not chosen.keys() <= _OPTIONS.keys():
        return f"--entries-of {result.run_id}"
    return " ".join([*(f"{_OPTIONS[name]} {quoted(str(value))}" for name, value in chosen.items()), *order])


def _pair(old: str, new: str) -> str:
    return new if old == new else f"{old} → {new}"


def _short(fingerprint: str) -> str:
    return fingerprint.rpartition(":")[2][:_CODE_DIGITS] or "unknown"
