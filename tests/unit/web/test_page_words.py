"""How the pages write messages, events and conditions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from tests.unit.catalog.made import entry as an_entry

from pywats_archive.models.event import Event
from pywats_archive.models.operation.integrity import Problem, ProblemKind
from pywats_archive.web.pages.archives import ACTIONS
from pywats_archive.web.pages.entry import actions_of
from pywats_archive.web.views.address import read
from pywats_archive.web.views.integrity import problems
from pywats_archive.web.views.words import details_of, sentence

NOW = datetime(2026, 2, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no entry is called 'x'", "No entry is called 'x'."),
        ("'pywats-archive list' shows the entries", "'pywats-archive list' shows the entries."),
        ("retention_days: 'ten' is no number", "retention_days: 'ten' is no number."),
        ("Look again.", "Look again."),
        ("", "."),
    ],
)
def test_a_message_is_shown_as_a_sentence(message: str, shown: str) -> None:
    """Only its first letter changes: a command at its start can still be copied."""
    assert sentence(message) == shown


def test_an_event_shows_what_it_has() -> None:
    """What is empty is left out; nothing is written as Python writes it."""
    event = Event(
        kind="conversion.recorded",
        at=NOW,
        details={
            "error": None,
            "companions": ["a.txt", "b.txt"],
            "size_bytes": 3,
            "reports": [{"blob": "r.gz"}],
            "x": [],
        },
    )
    assert details_of(event.details) == (
        ("companions", "a.txt, b.txt"),
        ("size bytes", "3"),
        ("reports", '[{"blob": "r.gz"}]'),
    )


def test_a_condition_has_the_name_of_its_field() -> None:
    """``status`` of the address is *Converted* in the form and in the list; *Result* is another thing."""
    chips = [chip[:2] for chip in read({"status": "success", "result": "failed", "from": "2026-01-31"}).chips]
    assert chips == [("converted", "yes"), ("result", "failed"), ("from", "2026-01-31")]


def test_what_can_be_done_with_an_entry() -> None:
    """A held one can be released, another one held; of a purged one only the record is left."""
    entry = an_entry(1)
    others = {each for each in ACTIONS if each[0] not in ("hold", "release")}
    assert {each[0] for each in set(actions_of(entry)) - others} == {"hold"}
    assert {each[0] for each in set(actions_of(replace(entry, hold_reason="recall"))) - others} == {"release"}
    assert actions_of(replace(entry, purged_at=NOW)) == ()


@pytest.mark.parametrize("kind", ProblemKind)
def test_each_kind_of_problem_has_words(kind: ProblemKind) -> None:
    """The page of the check can show whatever the check finds."""
    (row,) = problems([Problem(kind=kind, path="metadata.db", message="m")])
    assert row.kind
