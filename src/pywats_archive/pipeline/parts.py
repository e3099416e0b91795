"""What the service does over and over: an error that nobody foresaw in one part keeps no other part from its work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pywats_archive.errors import ConversionInterrupted
from pywats_archive.pipeline.alerts import PART_FAILING, Alerts
from pywats_archive.pipeline.held import hold_s
from pywats_archive.redaction import redacted

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    tries: int
    again_s: float


class Parts:
    """Runs each part alone, less and less often while it fails, with an alert; safe to use from many threads.

    A part has a name, such as ``retention``, and a subject: what it is about, such as a converter or an archive.
    """

    def __init__(self, alerts: Alerts, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._alerts = alerts
        self._now_s = now_s
        self._failures: dict[tuple[str, str], _Failure] = {}
        self._mutex = threading.Lock()

    def run(
        self, part: str, subject: str, act: Callable[[], object], *, passing: tuple[type[Exception], ...] = ()
    ) -> bool:
        """Run a part unless it waits after a failure; gives whether it came to its end. Errors in ``passing`` are raised."""
        if not self.may_run(part, subject):
            return False
        try:
            act()
        except Exception as exc:
            if isinstance(exc, (ConversionInterrupted, *passing)):
                raise
            self.note(part, subject, exc)
            return False
        self.over(part, subject)
        return True

    def may_run(self, part: str, subject: str) -> bool:
        """Tell whether a part did not fail, or has waited long enough since."""
        failure = self._failures.get((part, subject))
        return failure is None or failure.again_s <= self._now_s()

    def note(self, part: str, subject: str, error: Exception) -> None:
        """Note that a part failed; the traceback is logged once for each reason."""
        reason = f"{part}: {type(error).__name__}: {' '.join(redacted(str(error)).split())[:200]}"
        with self._mutex:
            before = self._failures.get((part, subject))
            tries = before.tries + 1 if before else 1
            again_s = self._now_s() + hold_s(tries)
            self._failures[part, subject] = _Failure(reason, tries, again_s)
        if before is None or before.reason != reason:
            log.error("service.unexpected", part=part, subject=subject, reason=reason, exc_info=error)
        self._alerts.raise_alert(PART_FAILING, subject, reason=f"an unexpected error, see the log ({reason})")

    def over(self, part: str, subject: str) -> None:
        """Note that a part came to its end; costs next to nothing when it did the last time."""
        if (part, subject) not in self._failures:
            return
        with self._mutex:
            self._failures.pop((part, subject), None)
            is_open = any(each == subject for _, each in self._failures)
        if not is_open:
            self._alerts.clear(PART_FAILING, subject)
