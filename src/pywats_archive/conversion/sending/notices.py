"""Outcomes of reports that the service must learn of, repeated until it has."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from pywats_archive.archive.core import Archive
from pywats_archive.conversion.sending.items import ArchivedItem, OutboxItem
from pywats_archive.conversion.source_log import log_of
from pywats_archive.models.report import SubmissionState

OnCompleted = Callable[[OutboxItem, SubmissionState, "str | None"], None]


class Notices:
    """Calls ``on_completed`` for each accepted or refused item, again if that fails."""

    def __init__(self, on_completed: OnCompleted, archives: Callable[[], Sequence[Archive]]) -> None:
        self._on_completed = on_completed
        self._archives = archives
        self._unnotified: deque[tuple[OutboxItem, SubmissionState, str | None]] = deque()

    def __len__(self) -> int:
        """Count the outcomes that are still to be repeated."""
        return len(self._unnotified)

    def notify(self, item: OutboxItem, state: SubmissionState, reason: str | None) -> None:
        """Pass on an outcome; if that fails, it is kept for ``repeat``."""
        if error := self._call(item, state, reason):
            log_of(item.origin()).error("report.notify_failed", report_id=item.report_id, reason=str(error))
            self._unnotified.append((item, state, reason))

    def repeat(self) -> None:
        """Pass on what failed before; a source waits for it. An archive that was opened again finds out by itself."""
        for _ in range(len(self._unnotified)):
            item, state, reason = self._unnotified[0]
            is_open = not isinstance(item, ArchivedItem) or item.archive in self._archives()
            if is_open and self._call(item, state, reason):
                self._unnotified.append((item, state, reason))
            self._unnotified.popleft()

    def _call(self, item: OutboxItem, state: SubmissionState, reason: str | None) -> Exception | None:
        try:
            self._on_completed(item, state, reason)
        except Exception as exc:
            return exc
        return None
