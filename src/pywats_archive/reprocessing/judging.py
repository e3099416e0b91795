"""What a replay means: how it compares with what there is, and what its reports would do on the server. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta

from pywats_archive.archive.document import fields_of
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
from pywats_archive.models.report import Report, ReportSummary, summarize
from pywats_archive.reprocessing.compare import Difference, Ran, difference

_MOST_ERRORS, _NAMED = 100, 5
_SAME_UNIT = ("serial_number", "part_number", "process", "start_time")
"""WATS overwrites a report of the same serial number, part number, test operation and start time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A report that there is: its row, its bytes, and when the conversion that made it ran."""

    report: Report
    body: bytes | None
    """None where it was not kept (``archive_output_reports`` is off)."""
    ran: Ran


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What an entry shows now, and what the server has of it."""

    entry: ArchiveEntry
    conversion: Conversion | None
    documents: Sequence[Document]
    """Of the conversion's reports, in their order."""
    at_server: Mapping[int, Document]
    """By ordinal: what the server has under the id that the next report of this ordinal gets."""
    waiting: Set[int] = frozenset()
    """Ordinals of which a report is still to be sent under that id: the server will not keep what it has."""


def judged(shown: Shown, replayed: Replayed, request: ReplayRequest) -> ItemResult:
    """Give what is known of an entry's replay; one whose verdict turns is held back where that may not be sent."""
    archive_id, result = shown.entry.archive_id, replayed.result
    if result.status is ConversionStatus.SUSPENDED:  # nobody would try it again, and no purge might take it
        return skipped(archive_id, f"it would be suspended: {result.error or 'no reason given'}")
    summaries = result.summaries or tuple(summarize(fields_of(body)) for body in result.documents)
    ran = Ran.of(result.started_at, result.duration_ms)
    found = [_difference(*pair, ran) for pair in zip(shown.documents, result.documents, summaries, strict=False)]
    found += [Difference()] * (len(result.documents) - len(found))
    old, new = _verdicts(shown, summaries)
    told = ItemResult(
        archive_id=archive_id,
        state=ItemState.DONE,
        status=result.status.value,
        error=result.error,
        comparison=_comparison(shown, result, found),
        changes=tuple(change for each in found for change in each.lasting),
        volatile=tuple(change for each in found for change in each.volatile),
        effects=tuple(_effects(shown, result.documents, summaries, ran, request)),
        serial_number=shown.entry.serial_number or (summaries[0].serial_number if summaries else None),
        old_verdict=old,
        new_verdict=new,
        duration_ms=result.duration_ms,
    )
    is_held = request.submit_to_server and not request.dry_run and not request.allow_verdict_change
    if told.turns_verdict and is_held:
        held = skipped(archive_id, f"its verdict turns from {old} to {new}, which was not allowed")
        return replace(held, serial_number=told.serial_number, old_verdict=old, new_verdict=new)
    return told


def skipped(archive_id: str, why: str) -> ItemResult:
    """Give the end of an entry that is not replayed."""
    return ItemResult(archive_id=archive_id, state=ItemState.SKIPPED, skipped_because=why)


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
        total_archives=run.total,
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


def _difference(before: Document, after: bytes, summary: ReportSummary, ran: Ran) -> Difference:
    if before.body is None or before.body == after:
        return Difference()
    its_id = before.report.report_id
    if summary.own_id and _differs_by_id_alone(before.body, after, its_id, summary.own_id):
        change = Change(path="/id", kind=ChangeKind.CHANGED, old=its_id, new=summary.own_id)
        return Difference(volatile=(change,))
    return difference(fields_of(before.body), fields_of(after), old_ran=before.ran, new_ran=ran)


def _differs_by_id_alone(before: bytes, after: bytes, old_id: str, new_id: str) -> bool:
    """Tell by their bytes that two documents are the same but for their id, as most are; False says nothing."""
    return before == after.replace(new_id.encode(), old_id.encode())


def _comparison(shown: Shown, result: ConversionResult, found: Sequence[Difference]) -> Comparison:
    if shown.conversion is None or any(each.body is None for each in shown.documents):
        return Comparison.NOTHING_BEFORE
    succeeded, succeeds = (status is ConversionStatus.SUCCESS for status in (shown.conversion.status, result.status))
    if succeeded != succeeds:
        return Comparison.NEWLY_SUCCEEDING if succeeds else Comparison.NEWLY_FAILING
    if not succeeds:
        return Comparison.STILL_FAILING
    is_same = len(shown.documents) == len(result.documents) and not any(each.lasting for each in found)
    return Comparison.SAME if is_same else Comparison.CHANGED


def _effects(
    shown: Shown, new: Sequence[bytes], summaries: Sequence[ReportSummary], ran: Ran, request: ReplayRequest
) -> Iterable[Effect]:
    for ordinal, (body, summary) in enumerate(zip(new, summaries, strict=True), 1):
        there = shown.at_server.get(ordinal)
        if there is None:
            yield Effect.NEW
        elif request.new_id:
            is_same_unit = all(getattr(summary, name) == getattr(there.report, name) for name in _SAME_UNIT)
            yield Effect.REPLACES if is_same_unit else Effect.SECOND
        else:
            is_known = there.body is not None and ordinal not in shown.waiting
            is_same = is_known and not _difference(there, body, summary, ran).lasting
            yield Effect.UNCHANGED if is_same else Effect.REPLACES


def _verdicts(shown: Shown, summaries: Sequence[ReportSummary]) -> tuple[str | None, str | None]:
    """Give old and new verdict of the first report whose verdict turns, or of the first; the server's counts first."""
    here = {each.report.ordinal: each.report.result for each in shown.documents}
    old = here | {ordinal: each.report.result for ordinal, each in shown.at_server.items()}
    pairs = [(old.get(ordinal), summary.result) for ordinal, summary in enumerate(summaries, 1)]
    turning = (pair for pair in pairs if None not in pair and pair[0] != pair[1])
    return next(turning, pairs[0] if pairs else (old.get(1), None))


def _same(change: Change) -> str:
    return json.dumps([change.path, change.kind.value, change.old, change.new], sort_keys=True, default=str)


def _group(found: tuple[Change, list[str], int]) -> ChangeGroup:
    change, named, number = found
    return ChangeGroup(
        path=change.path, kind=change.kind, old=change.old, new=change.new, entries=number, archive_ids=tuple(named)
    )
