"""Isolating the repeated tasks of the service: an unexpected error in one part does not stop the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pywats_archive.errors import ConversionInterrupted
from pywats_archive.pipeline.alerting.alerts import PART_FAILING, Alerts
from pywats_archive.redaction import redacted

log = structlog.get_logger()

RETRY_S = 5.0
"""Between two tries of something that needs a person's action."""
LONGEST_RETRY_S = 300.0
"""The longest time between two tries after unexpected errors: it begins with ``RETRY_S`` and doubles with each try."""


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    tries: int
    again_s: float


class IsolatedTasks:
    """Runs each part on its own; while one fails, ever less often and with an alert. Safe to use from many threads.

    A part has a name, such as ``retention``, and a subject, such as a converter or an archive.
    """

    def __init__(self, alerts: Alerts, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._alerts = alerts
        self._now_s = now_s
        self._failures: dict[tuple[str, str], _Failure] = {}
        self._mutex = threading.Lock()

    def run(
        self, part: str, subject: str, act: Callable[[], object], *, passing: tuple[type[Exception], ...] = ()
    ) -> bool:
        """Run a part unless it is delayed after a failure; returns whether it succeeded. Errors in ``passing`` are raised."""
        if not self.is_due(part, subject):
            return False
        try:
            act()
        except Exception as exc:
            if isinstance(exc, (ConversionInterrupted, *passing)):
                raise
            self.add(part, subject, exc)
            return False
        self.resolve(part, subject)
        return True

    def is_due(self, part: str, subject: str) -> bool:
        """Whether a part did not fail, or its delay is over."""
        failure = self._failures.get((part, subject))
        return failure is None or failure.again_s <= self._now_s()

    def add(self, part: str, subject: str, error: BaseException) -> None:
        """Record that a part failed; the traceback is logged once for each reason."""
        reason = f"{part}: {type(error).__name__}: {' '.join(redacted(str(error)).split())[:200]}"
        with self._mutex:
            before = self._failures.get((part, subject))
            tries = before.tries + 1 if before else 1
            again_s = self._now_s() + delay_s(tries)
            self._failures[part, subject] = _Failure(reason, tries, again_s)
        if before is None or before.reason != reason:
            log.error("service.unexpected", part=part, subject=subject, reason=reason, exc_info=error)
        self._alerts.raise_alert(PART_FAILING, subject, reason=f"an unexpected error, see the log ({reason})")

    def resolve(self, part: str, subject: str) -> None:
        """Record that a part succeeded; cheap if it did so the last time."""
        if (part, subject) not in self._failures:
            return
        with self._mutex:
            self._failures.pop((part, subject), None)
            is_open = any(each == subject for _, each in self._failures)
        if not is_open:
            self._alerts.clear(PART_FAILING, subject)


def delay_s(tries: int) -> float:
    """Return the delay after ``tries`` earlier unexpected errors in a row, in seconds."""
    return min(RETRY_S * (1 << min(tries, 10)), LONGEST_RETRY_S)
