"""Which converters' sources the archive could not take: an alert begins with the first and ends with the last."""

from __future__ import annotations

import threading

from pywats_archive.errors import ArchiveAway, ArchiveError, DiskFull, DiskLow
from pywats_archive.pipeline.alerting.alerts import ARCHIVE_FAILING, Alerts

DEFERRED = "owed"
"""Stands for all sources of a converter that were converted meanwhile."""


class ArchiveFailures:
    """Keeps account of what could not be archived; safe to use from many threads.

    A source that never can be archived keeps the alert open, and those that can do not make it come and go.
    """

    def __init__(self, alerts: Alerts, name: str = ARCHIVE_FAILING) -> None:
        self._alerts = alerts
        self._name = name
        self._failed: dict[str, set[object]] = {}
        self._mutex = threading.Lock()

    def add(self, converter: str, source: object, trouble: ArchiveError) -> None:
        """Note that a source could not be archived; a disk or an archive that is in trouble has alerts of its own."""
        if isinstance(trouble, (ArchiveAway, DiskFull, DiskLow)):
            return
        with self._mutex:
            self._failed.setdefault(converter, set()).add(source)
            self._alerts.raise_alert(self._name, converter, reason=str(trouble))

    def reset(self) -> None:
        """Forget what failed: with another configuration it may not."""
        with self._mutex:
            for converter in self._failed:
                self._alerts.clear(self._name, converter)
            self._failed = {}

    def resolve(self, converter: str, source: object) -> None:
        """Note that a source is archived, or gone; asking costs next to nothing."""
        if not self._failed:
            return
        with self._mutex:
            failed = self._failed.get(converter, set())
            failed.discard(source)
            if not failed and self._failed.pop(converter, None) is not None:
                self._alerts.clear(self._name, converter)
