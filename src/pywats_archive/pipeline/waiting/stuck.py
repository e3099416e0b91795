"""Processed sources that cannot leave their folder: recorded with the reason, with one alert per converter."""

from __future__ import annotations

import threading
from contextlib import suppress

from pywats_archive.errors import ArchiveAway, ArchiveError, CatalogError, DiskFull, FolderAway
from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.pipeline.alerting.alerts import STUCK, Alerts
from pywats_archive.pipeline.lanes.key import Key
from pywats_archive.pipeline.lanes.ledgers import Ledger


class Stuck:
    """The stuck sources; safe to use from many threads."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._sources: dict[Key, str] = {}
        self._mutex = threading.Lock()

    def add(self, key: Key, ledger: Ledger, arrival: Arrival, trouble: Exception) -> None:
        """Record that a source cannot leave; errors of a disk, a folder or an archive have alerts of their own."""
        if isinstance(trouble, (FolderAway, ArchiveAway, DiskFull, CatalogError)):
            return
        if self._sources.get(key) == str(trouble):
            return
        if arrival.archive_id:
            with suppress(ArchiveError):
                ledger.change(arrival, ArrivalState.STUCK, reason=str(trouble), moved_to=arrival.moved_to)
        with self._mutex:
            self._sources[key] = str(trouble)
        self._alerts.raise_alert(STUCK, key.lane.converter, path=arrival.path, reason=str(trouble))

    def reset(self) -> None:
        """Clear all: with another configuration they may no longer be stuck, and each is tried again soon."""
        with self._mutex:
            names = {key.lane.converter for key in self._sources}
            self._sources = {}
        for name in names:
            self._alerts.clear(STUCK, name)

    def resolve(self, key: Key) -> None:
        """Record that a source has left or is gone; cheap when nothing is stuck."""
        if not self._sources:
            return
        with self._mutex:
            self._sources.pop(key, None)
            is_any = any(each.lane.converter == key.lane.converter for each in self._sources)
        if not is_any:
            self._alerts.clear(STUCK, key.lane.converter)
