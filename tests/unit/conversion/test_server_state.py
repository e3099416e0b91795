"""How the server stands, by its answers: when nothing is sent, and when only one report waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pywats_archive.conversion.sending.server_state import AT_ONCE, ServerState, pause_for
from pywats_archive.host.server.answers import Answer, SubmitOutcome, Trouble

TAKEN = Answer(verdict=SubmitOutcome.ACCEPTED)
REFUSED = Answer(verdict=SubmitOutcome.REFUSED, reason="no such part")
BUSY = Answer(verdict=SubmitOutcome.LATER, reason="429", trouble=Trouble.BUSY)
BUSY_30 = Answer(verdict=SubmitOutcome.LATER, reason="429", trouble=Trouble.BUSY, retry_after=timedelta(seconds=30))
AWAY = Answer(verdict=SubmitOutcome.LATER, reason="no route", trouble=Trouble.UNREACHABLE)
DENIED = Answer(verdict=SubmitOutcome.STOP, reason="401", trouble=Trouble.UNAUTHORISED)
ODD = Answer(verdict=SubmitOutcome.LATER, reason="500")
SLOW = Answer(verdict=SubmitOutcome.LATER, reason="no answer", trouble=Trouble.TIMED_OUT)
OTHER = Answer(verdict=SubmitOutcome.LATER, reason="another id", trouble=Trouble.ANOTHER_ID)


@pytest.mark.parametrize(
    ("answer", "failures", "other_ids", "pause_s"),
    [
        (BUSY, 1, 0, 1),
        (BUSY, 4, 0, 8),
        (BUSY, 99, 0, 60),
        (BUSY_30, 1, 0, 30),
        (AWAY, 2, 0, 2),
        (DENIED, 1, 0, 300),
        (ODD, 1, 0, None),
        (ODD, 3, 0, 4),
        (SLOW, 9, 0, None),
        (OTHER, 1, 1, None),
        (OTHER, 3, 3, 3600),
    ],
)
def test_what_each_answer_means_for_the_others(
    answer: Answer, failures: int, other_ids: int, pause_s: int | None
) -> None:
    """A pause for all, or for its report alone."""
    pause = pause_for(answer, failures=failures, other_ids=other_ids)
    assert pause == (None if pause_s is None else timedelta(seconds=pause_s))


def test_a_pause_closes_for_all_and_ends_with_one_try() -> None:
    """Those that were on their way make it no longer; after it goes one report, and all once that is taken."""
    state = ServerState()
    assert state.free_slots(0) == AT_ONCE
    for key in "abcd":
        state.on_answer(BUSY_30, key, 0)
    assert [state.free_slots(now_s) for now_s in (0, 29.9, 30)] == [0, 0, 1]
    state.on_answer(BUSY_30, "e", 30)
    assert [state.free_slots(now_s) for now_s in (59, 60)] == [0, 1]
    state.on_answer(TAKEN, "e", 61)
    assert (state.free_slots(61), state.trouble, state.has_answered) == (AT_ONCE, None, True)


def test_a_refused_report_shows_that_the_server_works() -> None:
    """It read the document: nothing pauses."""
    state = ServerState()
    state.on_answer(AWAY, "a", 0)
    state.on_answer(REFUSED, "b", 5)
    assert (state.free_slots(5), state.trouble) == (AT_ONCE, None)


def test_trouble_is_as_old_as_its_first_answer() -> None:
    """However its reason changes, it began when the last report had been taken."""
    state = ServerState()
    state.on_answer(AWAY, "a", 10)
    state.on_answer(ODD, "b", 400)
    assert state.trouble is not None and (state.trouble.since_s, state.trouble.reason) == (10, "500")


def test_a_stop_names_its_reason_until_something_else_comes_of_a_try() -> None:
    """Those that were on their way do not hide it."""
    state = ServerState()
    state.on_answer(DENIED, "a", 0)
    state.on_answer(ODD, "b", 1)
    assert state.stopped_by == "401"
    state.on_answer(AWAY, "c", 301)
    assert state.stopped_by is None


def test_three_ids_that_nobody_sent_stop() -> None:
    """A server that confirms other reports than it was sent may keep each of them: no more are sent."""
    state = ServerState()
    for now_s, key in enumerate("aba"):
        assert state.stopped_by is None
        state.on_answer(OTHER, key, now_s * 10)
    assert state.stopped_by == "another id" and state.free_slots(3000) == 0


def test_one_report_that_something_denies_does_not_stop_the_others_again() -> None:
    """A gateway may dislike what one report says: others were taken since, so it waits alone."""
    state = ServerState()
    state.on_answer(DENIED, "disliked", 0)
    state.on_answer(TAKEN, "good", 301)
    assert state.on_answer(DENIED, "disliked", 400) == 0
    assert state.stopped_by is None and state.free_slots(400) > 0
    state.on_answer(DENIED, "good too", 401)
    assert state.stopped_by == "401"


def test_what_a_person_did_is_tried_at_once() -> None:
    """A changed configuration ends every pause."""
    state = ServerState()
    state.on_answer(DENIED, "a", 0)
    state.reopen()
    assert (state.free_slots(1), state.stopped_by) == (AT_ONCE, None)


def test_an_impatient_run_waits_for_the_server_alone() -> None:
    """Our own pauses are short then; what the server asks for is kept."""
    state = ServerState(short_pauses=True)
    for key in "abcdefgh":
        state.on_answer(AWAY, key, 0)
    assert state.free_slots(2) == 1
    state.on_answer(BUSY_30, "i", 2)
    assert (state.free_slots(31), state.free_slots(32)) == (0, 1)
