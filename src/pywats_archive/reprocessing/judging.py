"""What a replay means: how it compares with what there is, and what its reports would do on the server. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from pywats_archive.models.conversion import Conversion, ConversionResult
from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.replay import (
    Change,
    ChangeGroup,
    ChangeKind,
    Comparison,
    Effect,
    ItemResult,
    ItemState,
    Replayed,
    ReplayRequest,
    ReprocessingResult,
    Run,
)
from pywats_archive.models.report import Report, ReportSummary, SubmissionState, summarize
from pywats_archive.reprocessing.compare import Difference, Ran, difference

_MOST_ERRORS, _NAMED = 100, 5
_SAME_UNIT = ("serial_number", "part_number", "process", "start_time")
"""WATS overwrites a report of the same serial number, part number, test operation and start time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What an entry shows now."""

    entry: ArchiveEntry
    conversion: Conversion | None
    reports: Sequence[Report]
    documents: Sequence[bytes]
    """Of the reports, in their order."""


def judged(shown: Shown, replayed: Replayed, request: ReplayRequest) -> ItemResult:
    """Give what is known of an entry's replay; one whose verdict turns is held back where that may not be sent."""
    archive_id = shown.entry.archive_id
    if replayed.result is None:
        return ItemResult(
            archive_id=archive_id, state=ItemState.SKIPPED, skipped_because=replayed.skipped_because or "unknown"
        )
    result = replayed.result
    summaries = result.summaries or tuple(summarize(parsed(body)) for body in result.documents)
    found = _differences(shown, replayed, result.documents, summaries)
    told = ItemResult(
        archive_id=archive_id,
        state=ItemState.DONE,
        status=result.status.value,
        error=result.error,
        comparison=_comparison(shown, result, found),
        changes=tuple(change for each in found for change in each.lasting),
        volatile=tuple(change for each in found for change in each.volatile),
        effects=tuple(_effects(shown, summaries, found, request)),
        serial_number=shown.entry.serial_number or (summaries[0].serial_number if summaries else None),
        old_verdict=shown.reports[0].result if shown.reports else None,
        new_verdict=summaries[0].result if summaries else None,
        duration_ms=result.duration_ms,
    )
    is_held = request.submit_to_server and not request.dry_run and not request.allow_verdict_change
    if told.turns_verdict and is_held:
        why = f"its verdict turns from {told.old_verdict} to {told.new_verdict}, which was not allowed"
        return ItemResult(
            archive_id=archive_id,
            state=ItemState.SKIPPED,
            skipped_because=why,
            serial_number=told.serial_number,
            old_verdict=told.old_verdict,
            new_verdict=told.new_verdict,
        )
    return told


def parsed(body: bytes) -> Mapping[str, Any]:
    """Read a report; what only Python's own reader takes (NaN, long integers) is read by that."""
    try:
        document: Mapping[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = json.loads(body)
    return document


def withheld(result: ItemResult) -> frozenset[int]:
    """Give the ordinals of the reports that need not be sent: they are what the server has."""
    return frozenset(n for n, effect in enumerate(result.effects, 1) if effect is Effect.UNCHANGED)


def summed_up(items: Iterable[ItemResult], run: Run, *, duration: timedelta) -> ReprocessingResult:
    """Sum a run's items up, the same changes together, the most frequent first."""
    counts, comparisons, skips, effects = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    groups: dict[str, tuple[Change, list[str], int]] = {}
    errors: list[tuple[str, str]] = []
    verdicts: list[tuple[str, str, str]] = []
    for item in items:
        counts["total"] += 1
        counts[item.state.value] += 1
        if item.skipped_because:
            skips[item.skipped_because] += 1
        if item.turns_verdict:
            verdicts.append((item.serial_number or item.archive_id, str(item.old_verdict), str(item.new_verdict)))
        if item.state is not ItemState.DONE:
            continue
        counts["successful"] += item.status == ConversionStatus.SUCCESS.value
        counts["failed"] += item.status == ConversionStatus.FAILED.value
        if item.comparison:
            comparisons[item.comparison.value] += 1
        effects.update(effect.value for effect in item.effects)
        if item.error and len(errors) < _MOST_ERRORS:
            errors.append((item.archive_id, item.error))
        for change in {_same(each): each for each in item.changes}.values():
            _, named, number = groups.get(_same(change), (change, [], 0))
            groups[_same(change)] = (change, [*named, item.archive_id][:_NAMED], number + 1)
    return ReprocessingResult(
        total_archives=counts["total"],
        processed=counts["done"],
        successful=counts["successful"],
        failed=counts["failed"],
        skipped=counts["skipped"],
        duration=duration,
        errors=tuple(errors),
        run_id=run.run_id,
        dry_run=bool(run.request.get("dry_run")),
        is_submitted=bool(run.request.get("submit_to_server")),
        by_comparison=dict(comparisons),
        skipped_because=dict(skips),
        changes=tuple(sorted(map(_group, groups.values()), key=lambda group: (-group.entries, group.path))),
        effects=dict(effects),
        verdict_changes=tuple(verdicts),
    )


def _differences(
    shown: Shown, replayed: Replayed, new: Sequence[bytes], summaries: Sequence[ReportSummary]
) -> list[Difference]:
    """What differs in each new report; in one that had none before it, nothing does."""
    old_ran = _ran(shown.conversion.started_at, shown.conversion.duration_ms) if shown.conversion else None
    new_ran = _ran(replayed.started_at, replayed.result.duration_ms if replayed.result else 0)
    found: list[Difference] = []
    for report, before, after, summary in zip(shown.reports, shown.documents, new, summaries, strict=False):
        if before == after:
            found.append(Difference())
        elif summary.own_id and _differs_by_id_alone(before, after, report.report_id, summary.own_id):
            its_id = Change(path="/id", kind=ChangeKind.CHANGED, old=report.report_id, new=summary.own_id)
            found.append(Difference(volatile=(its_id,)))
        else:
            found.append(difference(parsed(before), parsed(after), old_ran=old_ran, new_ran=new_ran))
    return found + [Difference()] * (len(new) - len(found))


def _ran(started_at: datetime, duration_ms: int) -> Ran:
    return Ran(started_at=started_at, ended_at=started_at + timedelta(milliseconds=duration_ms))


def _differs_by_id_alone(before: bytes, after: bytes, old_id: str, new_id: str) -> bool:
    """Tell by their bytes that two documents are the same but for their id, as most are; False says nothing."""
    return before == after.replace(new_id.encode(), old_id.encode())


def _comparison(shown: Shown, result: ConversionResult, found: Sequence[Difference]) -> Comparison:
    if shown.conversion is None:
        return Comparison.NOTHING_BEFORE
    succeeded, succeeds = (status is ConversionStatus.SUCCESS for status in (shown.conversion.status, result.status))
    if succeeded != succeeds:
        return Comparison.NEWLY_SUCCEEDING if succeeds else Comparison.NEWLY_FAILING
    if not succeeds:
        return Comparison.STILL_FAILING
    is_same = len(shown.documents) == len(result.documents) and not any(each.lasting for each in found)
    return Comparison.SAME if is_same else Comparison.CHANGED


def _effects(
    shown: Shown, new: Sequence[ReportSummary], found: Sequence[Difference], request: ReplayRequest
) -> Iterable[Effect]:
    for n, now in enumerate(new):
        if n >= len(shown.reports):
            yield Effect.NEW
        elif (
            not found[n].lasting
            and not request.new_id
            and shown.reports[n].submission_state is SubmissionState.ACCEPTED
        ):
            yield Effect.UNCHANGED
        else:
            is_same_unit = all(getattr(now, name) == getattr(shown.reports[n], name) for name in _SAME_UNIT)
            yield Effect.REPLACES if is_same_unit or not request.new_id else Effect.SECOND


def _same(change: Change) -> str:
    return json.dumps([change.path, change.kind.value, change.old, change.new], sort_keys=True, default=str)


def _group(found: tuple[Change, list[str], int]) -> ChangeGroup:
    change, named, number = found
    return ChangeGroup(
        path=change.path, kind=change.kind, old=change.old, new=change.new, entries=number, archive_ids=tuple(named)
    )
