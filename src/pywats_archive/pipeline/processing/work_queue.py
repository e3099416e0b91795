"""A queue of work with its threads, the most urgent work first."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger()

URGENT = 0
"""Comes before every priority of a converter (1 and up)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    do: Callable[..., None]
    given: tuple[Any, ...]
    on_dropped: Callable[[], None] | None


class WorkQueue:
    """Threads that do queued work; ``on_end`` is called in their threads whenever a piece of work has ended.

    Once ``stopping`` is set, no work begins: queued work is dropped, and the next start finds it again.
    """

    def __init__(self, *, threads: int, stopping: threading.Event, on_end: Callable[[], None]) -> None:
        self._stopping = stopping
        self._on_end = on_end
        self._queue: queue.PriorityQueue[tuple[int, float, _Piece | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._gate = threading.Condition()
        self._busy_count = 0
        self._doing_count = 0
        self._is_paused = False
        self._forgotten_before = 0
        self._threads = [threading.Thread(target=self._serve, name=f"worker-{n}") for n in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def busy_count(self) -> int:
        """The number of pieces of work that are queued or running."""
        return self._busy_count

    @property
    def is_served(self) -> bool:
        """Whether any thread is alive to do the work."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def is_ending(self) -> bool:
        """Whether no more work begins, because it stops or no thread is alive."""
        return self._stopping.is_set() or not self.is_served

    @property
    def is_paused(self) -> bool:
        """Whether no work begins at present."""
        return self._is_paused

    @property
    def is_long(self) -> bool:
        """Whether more work is queued than there are threads."""
        return self._queue.qsize() > len(self._threads)

    def turn(self) -> int:
        """Return the next turn: work that is queued with it later goes before all that is queued after this call."""
        return next(self._order)

    def put(
        self,
        do: Callable[..., None],
        *given: Any,
        priority: int,
        turn: float | None = None,
        on_dropped: Callable[[], None] | None = None,
    ) -> None:
        """Queue work; the lowest priority goes first, and the earliest turn among equals. A hundred thousand may wait.

        ``turn`` is one that was returned before, or between two of them; the same at most once at a time. None: the next.
        ``on_dropped`` is called, in a thread of the queue, when the work is dropped before it began.
        """
        piece = _Piece(do=do, given=given, on_dropped=on_dropped)
        with self._gate:
            self._busy_count += 1
            self._queue.put((priority, next(self._order) if turn is None else turn, piece))

    def pause(self) -> bool:
        """Begin no work until ``resume``; returns whether no work is running. Idempotent."""
        with self._gate:
            self._is_paused = True
            return self._doing_count == 0

    def drop_queued(self) -> None:
        """Drop queued work that is not urgent."""
        with self._gate:
            self._forgotten_before = next(self._order)

    def resume(self) -> None:
        """Begin work again; idempotent."""
        with self._gate:
            self._is_paused = False
            self._gate.notify_all()

    def close(self) -> None:
        """Wait for the running work, and end the threads; idempotent."""
        self.resume()
        for _ in self._threads:
            self._queue.put((URGENT, next(self._order), None))
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _serve(self) -> None:
        """Do one piece of work after the other; no error ends the thread, not even one in logging."""
        while True:
            priority, number, piece = self._queue.get()
            if piece is None:
                return
            is_begun = False
            try:
                is_begun = self._begin(priority, number)
                if is_begun:
                    piece.do(*piece.given)
                elif piece.on_dropped:
                    piece.on_dropped()
            except BaseException:
                with suppress(BaseException):
                    log.exception("service.unexpected")
            finally:
                with self._gate:
                    self._busy_count -= 1
                    self._doing_count -= is_begun
                with suppress(BaseException):
                    self._on_end()

    def _begin(self, priority: int, number: float) -> bool:
        """Wait until work may begin; returns whether this piece is still wanted."""
        with self._gate:
            self._gate.wait_for(lambda: not self._is_paused)
            is_forgotten = priority != URGENT and number < self._forgotten_before
            if is_forgotten or self._stopping.is_set():
                return False
            self._doing_count += 1
            return True
