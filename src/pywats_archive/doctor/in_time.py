"""Work in threads, with a time limit for all of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class InTime(Generic[T]):
    """Runs all of ``works`` at once; those without a result in time get that of ``late``, and are abandoned.

    A call on a share that is away may never return, and no thread can be ended from outside. An interruption (Ctrl-C) is
    raised at once, or only after the works if they ``must_end``, since a trial removes its probe.
    """

    def __init__(
        self, works: Sequence[Callable[[], T]], late: Sequence[T], *, limit_s: float, must_end: bool = False
    ) -> None:
        self._works = works
        self._must_end = must_end
        self._results = list(late)
        self._begun: list[threading.Event] = []
        self._deadline_s = time.monotonic() + limit_s
        try:
            for number in range(len(works)):
                self._begun.append(threading.Event())
                threading.Thread(target=self._work, args=(number, self._begun[-1]), daemon=True).start()
        except BaseException:
            if must_end:
                self._wait()
            raise

    def results(self) -> tuple[T, ...]:
        """Wait for the results, in the order of the works."""
        self._wait()
        return tuple(self._results)

    def _work(self, number: int, ended: threading.Event) -> None:
        try:
            self._results[number] = self._works[number]()
        finally:
            ended.set()

    def _wait(self) -> None:
        """Wait for the works.

        By events, since a thread whose ``join`` was interrupted counts as ended (Python 3.11 and before).
        """
        interrupted: KeyboardInterrupt | None = None
        for ended in self._begun:
            while not ended.is_set() and (remaining_s := self._deadline_s - time.monotonic()) > 0:
                try:
                    ended.wait(remaining_s)
                except KeyboardInterrupt as exc:
                    if not self._must_end:
                        raise
                    interrupted = exc
        if interrupted:
            raise interrupted
