"""A step that is repeated in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from pywats_archive.pipeline.alerting.isolation import IsolatedTasks, delay_s


class Ticker:
    """Repeats ``step`` until ``stopping`` is set; ``step`` returns the rest before the next one, in seconds.

    No error ends the thread: it is logged, an alert on ``subject``, and the step is tried again at growing intervals.
    """

    def __init__(
        self, name: str, step: Callable[[], float], stopping: threading.Event, *, tasks: IsolatedTasks, subject: str
    ) -> None:
        self.name = name
        self._step = step
        self._stopping = stopping
        self._tasks = tasks
        self._subject = subject
        self._failures = 0
        self._thread = threading.Thread(target=self._repeat, name=name)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until the thread has ended, after ``stopping`` is set."""
        self._thread.join()

    def _repeat(self) -> None:
        rest_s = 0.0
        while not self._stopping.wait(rest_s):
            try:
                rest_s = self._step()
                self._tasks.resolve(self.name, self._subject)
                self._failures = 0
            except BaseException as exc:
                self._failures += 1
                rest_s = delay_s(self._failures)
                with suppress(BaseException):  # not even an error in logging
                    self._tasks.add(self.name, self._subject, exc)
