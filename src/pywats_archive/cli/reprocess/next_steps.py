"""The commands that continue from a run, each with its use. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pywats_archive.cli.options import quoted
from pywats_archive.cli.reprocess.phrases import selecting
from pywats_archive.models.operation.replay import Effect, ReprocessingResult, RunState
from pywats_archive.models.report import SubmissionState

_SENT = frozenset({Effect.REPLACES.value, Effect.SECOND.value, Effect.NEW.value})


def next_steps(result: ReprocessingResult) -> Iterator[tuple[str, str]]:
    """Yield commands without the program's name, the most likely one first."""
    run = result.run_id
    if result.state is RunState.RUNNING:
        yield f"reprocess resume {run}", "replay the entries that are left, if no process does"
        yield f"reprocess cancel {run}", "leave them as they are"
        return
    if has_changes(result):
        yield f"reprocess diff {run}", "every change"
    if result.dry_run:
        yield from _after_dry_run(result)
    elif result.state is not RunState.ROLLED_BACK:
        yield from _after_recording(result)


def has_changes(result: ReprocessingResult) -> bool:
    """Whether a run changes, skips or leaves anything that ``diff`` shows."""
    is_same = result.by_comparison.keys() <= {"same"}
    return bool(not is_same or result.skipped or result.no_successor or result.verdict_changes)


def _after_dry_run(result: ReprocessingResult) -> Iterator[tuple[str, str]]:
    start = _start(result)
    selection = result.request.get("selection", {})
    if "sample" in selection and selection["sample"] < selection["sample_of"]:
        file = None if "from_plan" in selection else result.request.get("converter_file")
        tried = f" --converter-file {quoted(file)}" if file else ""
        yield f"{start} --dry-run{tried}", f"all {selection['sample_of']} entries"
    elif result.request.get("converter_file"):
        yield start, "record the new reports, once this code is the station's converter"
    elif _SENT & result.effects.keys() or not result.by_comparison.keys() <= {"same"}:
        yield start, "record the new reports, send nothing"
        yield f"{start} --submit", "record them, and send what changed"


def _after_recording(result: ReprocessingResult) -> Iterator[tuple[str, str]]:
    states = result.submissions
    if not result.is_submitted and _SENT & result.effects.keys():
        is_sample = "sample" in result.request.get("selection", {})
        start = f"reprocess start --entries-of {result.run_id}" if is_sample else _start(result)
        yield f"{start} --submit", "send what changed"
    if result.is_submitted and SubmissionState.WAITING.value in states:
        yield "status", "the running service sends the waiting reports; start it if it does not run"
    if SubmissionState.REFUSED.value in states:
        yield "list --submission refused", "why the server refused them"
    if result.is_submitted and result.verdict_changes and result.skipped:
        again = f"reprocess start --entries-of {result.run_id} --submit"
        yield f"{again} --allow-verdict-change REASON", "also send the units whose result changes"
    if result.shown:
        yield f"reprocess rollback {result.run_id}", "undo the run"


def _start(result: ReprocessingResult) -> str:
    request, words = result.request, ["reprocess start", selecting(result)]
    if not request.get("use_current_converter", True):
        words.append("--original-converter")
    if version := request.get("allow_version"):
        words.append(f"--allow-version {quoted(version)}")
    if not request.get("use_current_parameters", True):
        words.append("--original-parameters")
    if request.get("new_id"):
        words.append("--new-id")
    if reason := request.get("allow_unit_change"):
        words.append(f"--allow-unit-change {quoted(reason)}")
    return " ".join(words)
