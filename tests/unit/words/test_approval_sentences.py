"""Requests for an approval as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from pywats_archive.archive.results.runs import _subject
from pywats_archive.models.event import Event
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.retention.compliance import Act
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.time import utc_now
from pywats_archive.words import details
from pywats_archive.words.approvals import described

POLICY = RetentionPolicy(converter_name="ICT", retention_days=30, purge_unsubmitted=True).as_details()
SUBJECTS: dict[Act, tuple[dict[str, Any], str]] = {
    Act.RELEASE: ({"entries": ["20260213143022123_a3f2d9"]}, "1 entry: 20260213143022123_a3f2d9"),
    Act.REPLAY: (
        _subject(ReplayRequest(submit_to_server=True, new_id=True, reason="limits corrected"), ["one", "two"]),
        "2 entries: the first is one; new ids, so that the reports on the server stay; reason: limits corrected",
    ),
    Act.ROLL_BACK: ({"run_id": 3}, "run 3"),
    Act.PURGE: (
        {"converter_name": "ICT", "policy": POLICY},
        "policy of ICT: 30 days, failed ones 60, at most 10 GB; entries with unsubmitted reports too",
    ),
    Act.CLOCK: (
        {"clock": "2026-02-13", "expected": "2026-02-10"},
        "the clock shows 2026-02-13, 2026-02-10 was expected",
    ),
}


@pytest.mark.parametrize("act", Act)
def test_a_person_reads_what_is_approved(act: Act) -> None:
    """Each act has its subject in words, in the list of requests and in the audit trail."""
    subject, words = SUBJECTS[act]
    assert described(act, subject) == words
    asked = Event(kind="approval.requested", at=utc_now(), details={"act": act.value, "subject": subject})
    assert details.shown(asked)["subject"] == words


def test_of_many_entries_the_first_are_named() -> None:
    """The number of the others is there."""
    words = described(Act.RELEASE, {"entries": [f"id{number}" for number in range(12)]})
    assert words.startswith("12 entries: id0, ") and words.endswith("id9 and 2 more")


@pytest.mark.parametrize("subject", [{}, {"entries": 5}, {"run_id": 3, "policy": None}, None, []])
@pytest.mark.parametrize("act", [Act.RELEASE, Act.REPLAY, Act.PURGE, Act.CLOCK])
def test_a_subject_of_another_version_is_shown_as_it_is(act: Act, subject: Any) -> None:
    """An unknown form is JSON, and no fault."""
    assert described(act, subject) in ("{}", '{"entries": 5}', '{"run_id": 3, "policy": null}', "null", "[]")


def test_an_unknown_act_in_the_history_is_no_fault() -> None:
    """Its details are shown as they are."""
    asked = Event(kind="approval.requested", at=utc_now(), details={"act": "other", "subject": {"a": 1}})
    assert details.shown(asked) == asked.details


def test_a_refusal_names_its_rule_in_words() -> None:
    """The audit trail has the sentence; a rule of a later version is shown as it is."""
    refused = Event(kind="compliance.refused", at=utc_now(), details={"rule": "hold"})
    assert details.shown(refused) == {"rule": "a hold cannot be replaced"}
    later = Event(kind="compliance.refused", at=utc_now(), details={"rule": "later"})
    assert details.shown(later) == {"rule": "later"}


def test_options_of_a_replay_at_their_defaults_are_left_out() -> None:
    """The reason and the entries are not lost among them; the original converter is not the default."""
    request = ReplayRequest(use_current_converter=False, reason="limits corrected").as_details()
    begun = Event(kind="run.begun", at=utc_now(), details={"run_id": 1, "request": request})
    read = details.shown(begun)["request"]
    assert read == {"reason": "limits corrected", "use_current_converter": False}
