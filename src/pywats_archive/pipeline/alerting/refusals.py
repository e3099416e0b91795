"""Reports that the server refused, or does not accept while it accepts others: an alert for each converter.

The alert on a refusal stays open until the entry is replayed or converted again, at most a week.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import refusals
from pywats_archive.errors import ArchiveError
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import OVERDUE, REFUSED, Alerts

ALERT_FOR = timedelta(days=7)
OVERDUE_AFTER = timedelta(days=1)
_NAMES_ALL = "'pywats-archive list --submission refused'"
_UNARCHIVED = "no archive has the report; its source is in Error"


class Refusals:
    """Looks for refusals in the archives; those of reports in no archive are remembered while the service runs."""

    def __init__(self, alerts: Alerts, *, clock: Clock) -> None:
        self._alerts = alerts
        self._now = clock
        self._unarchived: dict[str, tuple[datetime, str]] = {}
        self._is_news = threading.Event()
        self._is_news.set()

    def note(self, converter: str | None = None, reason: str | None = None) -> None:
        """Record that a report was refused; with the converter's name if no archive has the report."""
        if converter:
            self._unarchived[converter] = (self._now(), reason or "")
        self._is_news.set()

    def check_overdue(self, archives: Sequence[Archive]) -> None:
        """Raise and clear the alerts on reports that have waited for a day; call it while the server accepts others."""
        found: dict[str, dict[str, Any]] = {}
        for archive in archives:
            with suppress(ArchiveError):
                for name, each in refusals.overdue(archive, self._now() - OVERDUE_AFTER).items():
                    found[name] = {"reason": each.reason, "archive_id": each.archive_id}
        self._alerts.sync(OVERDUE, found)

    def check(self, archives: Sequence[Archive], *, again: bool = False) -> None:
        """Raise and clear the alerts on refusals if a report was refused since the last check, or with ``again``."""
        if not (self._is_news.is_set() or again):
            return
        self._is_news.clear()
        since = self._now() - ALERT_FOR
        found: dict[str, dict[str, Any]] = {
            name: {"reason": reason, "see": _UNARCHIVED}
            for name, (at, reason) in tuple(self._unarchived.items())
            if at >= since
        }
        for archive in archives:
            with suppress(ArchiveError):
                for name, refusal in refusals.since(archive, since).items():
                    found[name] = {"reason": refusal.reason, "archive_id": refusal.archive_id, "see": _NAMES_ALL}
        self._alerts.sync(REFUSED, found)
