"""Runs as the pages show them."""

from __future__ import annotations

from typing import Any

import pytest

from pywats_archive.models.operation.replay import ChangeGroup, ChangeKind, ReprocessingResult, RunState
from pywats_archive.web.views import runs


def result(**more: Any) -> ReprocessingResult:
    """A finished comparison that found a report to send."""
    plain = {"total_archives": 4, "dry_run": True, "state": RunState.DONE, "effects": {"replaces": 3, "unchanged": 1}}
    return ReprocessingResult(**{**plain, **more})


def test_the_bar_has_every_entry() -> None:
    """Outcomes, skipped entries and those that are left fill it, in this order."""
    parts = runs.outcomes(result(total_archives=8, processed=5, skipped=1, by_comparison={"same": 1, "changed": 4}))
    assert [(part.label, part.count, part.start, part.width) for part in parts] == [
        ("unchanged", 1, 0, 12.5), ("changed", 4, 12.5, 50), ("skipped", 1, 62.5, 12.5), ("left", 2, 75, 25),
    ]  # fmt: skip


def test_the_same_change_at_several_positions_is_one_line() -> None:
    """A list item's number does not make another change; foreign text has its control characters marked."""
    groups = [
        ChangeGroup(path=path, kind=ChangeKind.CHANGED, old=5.5, new="\u202e5", entries=number, archive_ids=("a",))
        for path, number in (("/steps[0]/high", 3), ("/steps[1]/high", 7), ("/high", 1))
    ]
    several, single = runs.changes(groups)
    assert (several.path, several.positions, several.entries) == ("/steps[*]/high", 2, 7)
    assert (single.path, single.old, single.new) == ("/high", "5.5", "<U+202E>5")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, ""),
        ({"dry_run": False}, "compared"),
        ({"state": RunState.RUNNING}, "not finished"),
        ({"state": RunState.CANCELLED}, "not finished"),
        ({"request": {"converter_file": "candidate.py"}}, "converter file"),
        ({"effects": {"unchanged": 4, "ambiguous": 1, "taken_over": 1}}, "no report differs"),
    ],
)
def test_only_a_finished_comparison_with_changes_is_sent(more: dict[str, Any], why: str) -> None:
    """What is not sent says why."""
    assert why in runs.why_not_sent(result(**more)) and bool(why) == bool(runs.why_not_sent(result(**more)))


@pytest.mark.parametrize(
    ("state", "verb", "is_locked", "shown"),
    [
        (RunState.RUNNING, "resume", False, "replaying"),
        (RunState.RUNNING, "", True, "replaying"),
        (RunState.RUNNING, "", False, ""),
        (RunState.DONE, "resume", True, ""),
        (RunState.DONE, "rollback", True, "taking back"),
        (RunState.ROLLED_BACK, "rollback", True, ""),
    ],
)
def test_what_a_process_does_with_a_run(state: RunState, verb: str, is_locked: bool, shown: str) -> None:
    """A process that is about to end does nothing more."""
    assert runs.activity(state, verb, is_locked=is_locked) == shown


def test_a_choice_in_words() -> None:
    """As a person chose it."""
    assert runs.chosen({"converter_name": "ict", "status": "FAILED"}) == "converter ict, status FAILED"
    assert runs.chosen({"all": True}) == "all entries" and runs.chosen({"entries_of": 3}) == "the entries of run 3"
    assert runs.chosen({"archive_ids": ["a", "b", "c", "d"]}) == "a, b, c, …"
