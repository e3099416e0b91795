"""Sources that could not be archived: an alert per converter is raised with the first and cleared with the last."""

from __future__ import annotations

import threading

from pywats_archive.errors import ArchiveAway, ArchiveError, DiskFull, DiskLow
from pywats_archive.pipeline.alerting.alerts import ARCHIVE_FAILING, Alerts

DEFERRED = "owed"
"""Stands for all sources of a converter that were converted and are to be archived later."""


class ArchiveFailures:
    """The sources that could not be archived; safe to use from many threads.

    A source that can never be archived keeps the alert open; the success of others does not clear it.
    """

    def __init__(self, alerts: Alerts, name: str = ARCHIVE_FAILING) -> None:
        self._alerts = alerts
        self._name = name
        self._failed: dict[str, set[object]] = {}
        self._mutex = threading.Lock()

    def add(self, converter: str, source: object, trouble: ArchiveError) -> None:
        """Record that a source could not be archived; errors of a disk or a whole archive have alerts of their own."""
        if isinstance(trouble, (ArchiveAway, DiskFull, DiskLow)):
            return
        with self._mutex:
            self._failed.setdefault(converter, set()).add(source)
            self._alerts.raise_alert(self._name, converter, reason=str(trouble))

    def reset(self) -> None:
        """Clear all failures: with another configuration they may be over."""
        with self._mutex:
            for converter in self._failed:
                self._alerts.clear(self._name, converter)
            self._failed = {}

    def resolve(self, converter: str, source: object) -> None:
        """Record that a source is archived or gone; cheap when nothing failed."""
        if not self._failed:
            return
        with self._mutex:
            failed = self._failed.get(converter, set())
            failed.discard(source)
            if not failed and self._failed.pop(converter, None) is not None:
                self._alerts.clear(self._name, converter)
