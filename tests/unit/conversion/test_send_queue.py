"""The choice of which reports may be sent now."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pywats_archive.conversion.sending.send_queue import SendQueue
from pywats_archive.conversion.sending.tries import Tries
from pywats_archive.host.server.answers import Trouble

NOW_S = 100.0


@dataclass
class _Item:
    key: str
    report_id: str
    is_stored: bool = False


def queued(*items: _Item, tries: Tries | None = None) -> SendQueue:
    """Return a queue that was offered these items."""
    queue = SendQueue(tries or Tries())
    for item in items:
        assert queue.offer(item)  # type: ignore[arg-type]
    return queue


def started(queue: SendQueue, now_s: float = NOW_S, *, slots: int = 4) -> list[str]:
    """Start what may go, and return the keys."""
    return [item.key for item in queue.start_queued(now_s, slots=slots)]


def test_the_oldest_go_first_and_no_more_than_there_are_slots() -> None:
    """Reports are sent in the order in which they were offered."""
    queue = queued(*(_Item(name, name) for name in "abc"))
    assert started(queue, slots=2) == ["a", "b"] and queue.in_flight_count == 2
    assert started(queue, slots=2) == ["c"] and len(queue) == 0


def test_of_two_reports_with_one_id_the_later_waits() -> None:
    """The server keeps what comes last, so a later report waits until the first is answered (invariant 4)."""
    first, second = _Item("first", "id"), _Item("second", "id")
    queue = queued(first, second)
    assert started(queue) == ["first"] and started(queue) == []
    queue.end(first)  # type: ignore[arg-type]
    assert started(queue) == ["second"]


@pytest.mark.parametrize("is_stored", [True, False])
def test_an_item_that_must_wait_is_kept_only_if_no_archive_holds_it(is_stored: bool) -> None:
    """One that an archive holds is read from there when it is due; one in memory stays queued (invariant 4)."""
    tries = Tries()
    tries.postpone("a", NOW_S + 1)
    queue = queued(_Item("a", "a", is_stored=is_stored), tries=tries)
    assert started(queue) == [] and queue.only_in_memory_count == len(queue) == (0 if is_stored else 1)
    assert started(queue, NOW_S + 1) == ([] if is_stored else ["a"])


def test_one_slow_report_goes_at_a_time() -> None:
    """Reports that timed out before are not sent side by side; others are sent beside them."""
    tries = Tries()
    for key in ("slow", "slower"):
        tries.postpone(key, NOW_S, Trouble.TIMED_OUT)
    slow = _Item("slow", "1")
    queue = queued(slow, _Item("slower", "2"), _Item("other", "3"), tries=tries)
    assert started(queue) == ["slow", "other"] and started(queue) == []
    queue.end(slow)  # type: ignore[arg-type]
    assert started(queue) == ["slower"]


def test_a_completed_report_is_not_sent_again() -> None:
    """It may have been offered just after it was read from its archive and sent."""
    item = _Item("a", "a", is_stored=True)
    queue = queued()
    assert queue.start([item], NOW_S, slots=1) == [item]  # type: ignore[list-item, comparison-overlap]
    queue.complete(item)  # type: ignore[arg-type]
    queue.end(item)  # type: ignore[arg-type]
    assert queue.offer(item) and started(queue) == []  # type: ignore[arg-type]
    assert queue.start([item], NOW_S, slots=1) == []  # type: ignore[list-item]


def test_a_full_queue_takes_only_what_no_archive_holds() -> None:
    """The others are read from their archives later (invariant 4)."""
    queue = queued(*(_Item(str(number), str(number), is_stored=True) for number in range(64)))
    assert not queue.offer(_Item("stored", "s", is_stored=True))  # type: ignore[arg-type]
    assert queue.offer(_Item("only here", "m"))  # type: ignore[arg-type]
    assert (len(queue), queue.only_in_memory_count) == (65, 1)


def test_a_started_report_is_not_started_twice() -> None:
    """What an archive still lists while it is being sent is left out; the slots count for those that may go."""
    one, other = _Item("one", "1", is_stored=True), _Item("other", "2", is_stored=True)
    queue = queued(one)
    assert started(queue) == ["one"]
    assert queue.start([one, other, _Item("more", "3")], NOW_S, slots=1) == [other]  # type: ignore[list-item, comparison-overlap]
