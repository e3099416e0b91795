"""Actions over many entries in the background: counted, stopped in order, and begun once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from tests.patience import PATIENCE_S

from pywats_archive.errors import AlreadyDone, ArchiveAway, UnknownRun
from pywats_archive.web.bulk import phrases
from pywats_archive.web.jobs import running
from pywats_archive.web.jobs.actions import Bulk, Order, Outcome
from pywats_archive.web.jobs.running import MOST_OUTCOMES, Job, Jobs

IDS = [f"id{number}" for number in range(120)]
ORDER = Order(by="ann")


def _done(some: Sequence[str]) -> Iterator[Outcome]:
    return (Outcome(archive_id=each, is_done=not each.endswith("7"), text="x") for each in some)


def _ended(jobs: Jobs, key: str) -> Job:
    while jobs.get(key).ended_at is None:
        time.sleep(0.001)
    return jobs.get(key)


def test_every_entry_is_counted() -> None:
    """Those that stay come first; the sentence says how many of each there are."""
    jobs = Jobs()
    jobs.start("k", Bulk.HOLD, IDS, ORDER, _done)
    job = _ended(jobs, "k")
    assert (job.done, job.left, job.is_complete, job.error) == (108, 12, True, None)
    assert [each.is_done for each in job.outcomes] == [False] * 12 + [True] * 108
    assert phrases.outcome(job) == "108 of 120 entries held, 12 not" and phrases.tone(job) == "warn"


def test_a_form_that_is_sent_twice_is_one_job() -> None:
    """The second one finds the first, also after its end."""
    jobs, calls = Jobs(), list[int]()
    for _ in range(3):
        jobs.start("k", Bulk.HOLD, IDS[:1], ORDER, lambda some: calls.append(len(some)) or _done(some))  # type: ignore[func-returns-value]
        _ended(jobs, "k")
    assert calls == [1]


def test_a_stop_lets_the_entries_in_progress_end() -> None:
    """What was done is counted, and the sentence says how many entries were not begun."""
    jobs, is_begun, may_end = Jobs(), threading.Event(), threading.Event()

    def work(some: Sequence[str]) -> Iterator[Outcome]:
        is_begun.set()
        assert may_end.wait(PATIENCE_S)
        return _done(some)

    jobs.start("k", Bulk.PURGE, IDS, ORDER, work)
    assert is_begun.wait(PATIENCE_S)
    jobs.stop("k")
    may_end.set()
    job = _ended(jobs, "k")
    assert (job.done + job.left, job.is_complete) == (50, False)
    assert phrases.outcome(job) == "45 of 120 entries purged, 5 not; stopped before 70 entries"


def test_what_fails_for_all_ends_the_job_with_its_reason() -> None:
    """The entries before it stay counted."""

    def work(some: Sequence[str]) -> Iterator[Outcome]:
        if some[0] != IDS[0]:
            raise ArchiveAway("the share is gone")
        return _done(some)

    jobs = Jobs()
    jobs.start("k", Bulk.RELEASE, IDS, ORDER, work)
    job = _ended(jobs, "k")
    assert (job.done + job.left, job.error, phrases.tone(job)) == (50, "the share is gone", "bad")
    assert phrases.outcome(job).endswith("70 entries not tried: the share is gone")


def test_few_jobs_run_at_once_and_few_outcomes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is refused while four run; a close ends them all after the entries in progress."""
    jobs, may_end = Jobs(), threading.Event()

    def work(some: Sequence[str]) -> Iterator[Outcome]:
        assert may_end.wait(PATIENCE_S)
        return _done(some)

    for number in range(4):
        jobs.start(f"k{number}", Bulk.HOLD, IDS, ORDER, work)
    with pytest.raises(AlreadyDone, match="too many actions are running"):
        jobs.start("k4", Bulk.HOLD, IDS, ORDER, work)
    monkeypatch.setattr(running, "_STOP_S", 0)
    jobs.close()
    may_end.set()
    assert [_ended(jobs, f"k{number}").is_complete for number in range(4)] == [False] * 4
    jobs.start("many", Bulk.HOLD, IDS * 20, ORDER, _done)
    job = _ended(jobs, "many")
    assert job.done + job.left == 2400 and len(job.outcomes) == MOST_OUTCOMES + 240
    with pytest.raises(UnknownRun, match="no longer kept"):
        jobs.get("none")
