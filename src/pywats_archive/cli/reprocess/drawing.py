"""Drawing what a run did, or would do, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pywats_archive.cli.output import console, facts, print_json, values_of
from pywats_archive.cli.reprocess import phrases
from pywats_archive.cli.reprocess.next_steps import next_steps
from pywats_archive.cli.reprocess.values import arrow_of, pattern_of
from pywats_archive.models.operation.replay import ChangeGroup, ReprocessingResult, RunState
from pywats_archive.models.report import SubmissionState
from pywats_archive.words.text import counted, printable
from pywats_archive.words.times import when

_SHOWN, _SHOWN_SERIALS, _SHOWN_CODE, _NAMED = 30, 20, 10, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult(ReprocessingResult):
    """What a run did so far, or would do."""

    duration_s: float
    """Duration of the run; the same as ``duration``."""


def report(result: ReprocessingResult, *, as_json: bool, is_check: bool = False, place: str = "") -> int:
    """Draw what a run did, or write it as JSON; 1 when something failed or was skipped, in a check when something differs.

    ``place`` is what the commands that come next need to find the archive.
    """
    if as_json:
        print_json(RunResult(**values_of(result), duration_s=result.duration.total_seconds()))
    else:
        _draw(result)
        if not is_check:
            _draw_next(result, place)
    differs = is_check and result.by_comparison.get("same", 0) != result.total_archives
    return 1 if result.failed or result.skipped or differs else 0


def _draw(result: ReprocessingResult) -> None:
    console.print(phrases.headline(result), style="bold")
    console.print(facts(_facts(result)), soft_wrap=True)
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in result.by_comparison.items())
    done = f"{result.processed} of {counted(result.total_archives, 'entry', 'entries')}"
    console.print(f"{done} {phrases.replayed(result)}: {counts or 'nothing'}")
    _draw_verdicts(result)
    if line := phrases.reports(result):
        console.print(f"reports: {line}", soft_wrap=True)
    if result.no_successor:
        line = f"{result.no_successor} reports on the server have no successor: they stay there"
        console.print(f"{line}; 'reprocess diff {result.run_id}' names them", soft_wrap=True, style="yellow")
    if result.changes:
        console.print(f"{phrases.changed(result)}:")
    lines = list(alike(result.changes, result.processed))
    for line in lines[:_SHOWN]:
        console.print(printable(f"  {line}"), soft_wrap=True)
    _draw_rest(result, len(lines) - _SHOWN)
    for reason, number in result.skipped_because.items():
        console.print(printable(f"{number} skipped: {reason}"), soft_wrap=True, style="yellow")
    for archive_id, error in result.errors[:_SHOWN]:
        console.print(printable(f"{archive_id}: {error}"), soft_wrap=True, style="red")
    _draw_rest(result, len(result.errors) - _SHOWN)


def _facts(result: ReprocessingResult) -> Iterator[tuple[str, str]]:
    yield "started", f"{when(result.created_at)} by {result.actor}"
    if result.ended_at:
        what = {RunState.CANCELLED: "cancelled", RunState.ROLLED_BACK: "rolled back"}.get(result.state, "ended")
        yield what, f"{when(result.ended_at)}" + (f" by {result.ended_by}" if what != "ended" else "")
    yield "entries", phrases.selection(result.request.get("selection", {}), result.total_archives)
    for change in result.code[:_SHOWN_CODE]:
        yield "converter", phrases.code(change)
    if tried := result.request.get("converter_file"):
        is_of_plan = "from_plan" in result.request.get("selection", {})
        yield "tried", "the code of that replay (not installed)" if is_of_plan else f"{tried} (not installed)"
    for name, label in (("allow_verdict_change", "result may change"), ("allow_unit_change", "unit may change")):
        if reason := result.request.get(name):
            yield label, str(reason)
    if result.state is RunState.ROLLED_BACK and (kept := result.submissions.get(SubmissionState.ACCEPTED.value)):
        yield "server", f"still has {counted(kept, 'report')} of this run"
    if result.state is RunState.DONE and not result.dry_run and result.processed and not result.shown:
        yield "now", "every entry was converted again since; there is nothing left to roll back"


def _draw_verdicts(result: ReprocessingResult) -> None:
    turns: dict[tuple[str, str], list[str]] = {}
    for serial, old, new in result.verdict_changes:
        turns.setdefault((old, new), []).append(serial)
    for (old, new), serials in turns.items():
        line = f"! {phrases.turned(result, len(serials), old, new)}: {_listed(serials)}"
        console.print(printable(line), soft_wrap=True, style="bold red")


def _listed(serials: Sequence[str]) -> str:
    more = len(serials) - _SHOWN_SERIALS
    return ", ".join(serials[:_SHOWN_SERIALS]) + (f", and {more} more" if more > 0 else "")


def _draw_rest(result: ReprocessingResult, number: int) -> None:
    if number > 0:
        console.print(f"... and {number} more; 'reprocess diff {result.run_id}' shows all")


def alike(groups: Sequence[ChangeGroup], total: int) -> Iterator[str]:
    """Yield a line for each change, and one for the same change at several positions of a list."""
    by_pattern: dict[str, list[ChangeGroup]] = {}
    for group in groups:
        by_pattern.setdefault(f"{pattern_of(group.path)} {arrow_of(group)}", []).append(group)
    for line, found in by_pattern.items():
        (first, *others) = found
        if others:
            yield f"at least {first.entries} of {total}: {line} ({len(found)} positions)"
        else:
            named = f" ({', '.join(first.archive_ids)})" if first.entries <= _NAMED else ""
            yield f"{first.entries} of {total}: {first.path} {arrow_of(first)}{named}"


def _draw_next(result: ReprocessingResult, place: str) -> None:
    steps = [(f"pywats-archive {command}{place}", use) for command, use in next_steps(result)]
    if not steps:
        return
    console.print("\nnext:")
    for command, use in steps:
        console.print(f"  {use}:", soft_wrap=True, style="dim")
        console.print(printable(f"    {command}"), soft_wrap=True)
