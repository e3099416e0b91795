"""Runs on record, summarized; reading them needs no configuration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import runs
from pywats_archive.archive.results.runs import Aftermath
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.replay import (
    Change,
    ChangeGroup,
    CodeChange,
    ItemResult,
    ItemState,
    ReprocessingResult,
    Run,
)

_MOST_ERRORS, _NAMED = 100, 5


def result_of(archive: Archive, run_id: int, *, duration: timedelta = timedelta()) -> ReprocessingResult:
    """Summarize what a run has done so far, and what became of it since."""
    run = runs.get(archive, run_id)
    items = (item for item in runs.items(archive, run_id) if item.state is not ItemState.PLANNED)
    return summarize_run(items, run, runs.aftermath(archive, run_id), duration=duration)


def summarize_run(
    items: Iterable[ItemResult], run: Run, after: Aftermath, *, duration: timedelta
) -> ReprocessingResult:
    """Summarize a run's items, grouped by change, the most frequent first."""
    counts, comparisons, skips, effects = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    groups: dict[str, tuple[Change, list[str], int]] = {}
    code = Counter[CodeChange]()
    errors: list[tuple[str, str]] = []
    verdicts: list[tuple[str, str, str]] = []
    for item in items:
        counts[item.state.value] += 1
        if item.code:
            code[item.code] += 1
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
        counts["no_successor"] += len(item.no_successor)
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
        no_successor=counts["no_successor"],
        verdict_changes=tuple(verdicts),
        state=run.state,
        created_at=run.created_at,
        actor=run.actor,
        ended_at=after.ended_at,
        ended_by=after.ended_by,
        request=run.request,
        code=tuple(replace(each, entries=number) for each, number in code.most_common()),
        submissions=after.submissions,
        shown=after.shown,
    )


def _same(change: Change) -> str:
    return json.dumps([change.path, change.kind.value, change.old, change.new], sort_keys=True, default=str)


def _group(found: tuple[Change, list[str], int]) -> ChangeGroup:
    change, named, number = found
    return ChangeGroup(
        path=change.path, kind=change.kind, old=change.old, new=change.new, entries=number, archive_ids=tuple(named)
    )
