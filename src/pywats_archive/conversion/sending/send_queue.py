"""The choice of which reports may be sent now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from pywats_archive.conversion.sending.items import OutboxItem
from pywats_archive.conversion.sending.tries import Tries

_IN_MEMORY = 64
_REMEMBERED = 1_000
"""Items that are done: one may be offered just after it was read from the archive and sent."""


class SendQueue:
    """The items in memory, oldest first, and those being sent; times are seconds of a monotonic clock."""

    def __init__(self, tries: Tries) -> None:
        self._tries = tries
        self._queue: deque[OutboxItem] = deque()
        self._in_flight: dict[str, str] = {}
        """Report ids by item; of two reports with one id, the later waits until the server has answered the first."""
        self._done: deque[str] = deque(maxlen=_REMEMBERED)
        self.unrecorded_count = 0
        """Number of items of the last page from an archive that are done already; the next page is longer by as many."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def in_flight_count(self) -> int:
        return len(self._in_flight)

    @property
    def only_in_memory_count(self) -> int:
        """How many queued reports no archive holds."""
        return sum(not item.is_stored for item in tuple(self._queue))

    def offer(self, item: OutboxItem) -> bool:
        """Queue an item; False if the queue is full, so that the item must be read from its archive later."""
        if len(self._queue) >= _IN_MEMORY and item.is_stored:
            return False
        self._queue.append(item)
        return True

    def put_back(self, item: OutboxItem) -> None:
        """Queue an item again after a try; one that an archive holds is read from there instead."""
        if not item.is_stored:
            self._queue.append(item)

    def start_queued(self, now_s: float, *, slots: int) -> list[OutboxItem]:
        """Start up to ``slots`` queued items that may go now; drop stored items that must wait, since archives hold them."""
        started: list[OutboxItem] = []
        for _ in range(len(self._queue)):
            if len(started) == slots:
                break
            item = self._queue.popleft()
            if self._start(item, now_s):
                started.append(item)
            else:
                self.put_back(item)
        return started

    def start(self, items: Iterable[OutboxItem], now_s: float, *, slots: int) -> list[OutboxItem]:
        """Start up to ``slots`` of these items that may go now."""
        started: list[OutboxItem] = []
        for item in items:
            if len(started) < slots and self._start(item, now_s):
                started.append(item)
        return started

    def end(self, item: OutboxItem) -> None:
        """Note that an item is no longer being sent."""
        self._in_flight.pop(item.key, None)

    def complete(self, item: OutboxItem) -> None:
        """Note that an item is accepted or refused, so that it is not sent again."""
        self._done.append(item.key)

    def hand_over(self, item: OutboxItem, take: Callable[[OutboxItem], bool]) -> bool:
        """Let ``take`` record an accepted item, which is complete meanwhile; returns whether it does."""
        self.complete(item)  # before the call, since the item may be reopened within it
        is_taken = False
        try:
            is_taken = take(item)
        finally:
            if not is_taken:
                self.reopen(item)
        return is_taken

    def reopen(self, item: OutboxItem) -> None:
        """Note that an item that was complete may be sent again."""
        with suppress(ValueError):
            self._done.remove(item.key)

    def note_page(self, items: Iterable[OutboxItem]) -> None:
        """Count the items of a page from an archive whose acceptance is not on record yet."""
        self.unrecorded_count += sum(item.key in self._done for item in items)

    def _start(self, item: OutboxItem, now_s: float) -> bool:
        may_go = self._may_go(item, now_s)
        if may_go:
            self._in_flight[item.key] = item.report_id
        return may_go

    def _may_go(self, item: OutboxItem, now_s: float) -> bool:
        is_new = item.report_id not in self._in_flight.values() and item.key not in self._done
        is_second_slow_one = self._tries.is_slow((item.key,)) and self._tries.is_slow(tuple(self._in_flight))
        return is_new and not is_second_slow_one and self._tries.may_try(item.key, now_s)
