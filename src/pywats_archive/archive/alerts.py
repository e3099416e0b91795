"""Alerts on record: an event when an alert is raised and when it clears, and a row while it is open."""

from __future__ import annotations

from collections.abc import Collection

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import alerts, events
from pywats_archive.catalog.engine import Connection
from pywats_archive.models.event import Event
from pywats_archive.models.operation.statistics import OpenAlert


def record(archive: Archive, alert: OpenAlert, event: Event, *, is_over: bool) -> None:
    """Record an alert as open or cleared, with its event, in one commit."""

    def unit(tx: Connection) -> None:
        if is_over:
            alerts.remove(tx, alert.name, alert.subject)
        else:
            alerts.put(tx, alert)
        events.append(tx, event)

    archive.write(unit)


def put(archive: Archive, alert: OpenAlert) -> None:
    """Record as open an alert whose event is in another archive; idempotent."""
    if alert not in open_alerts(archive):
        archive.write(lambda tx: alerts.put(tx, alert))


def clear(archive: Archive, alert: OpenAlert) -> None:
    """Record as cleared an alert whose event is in another archive; idempotent."""
    if any((each.name, each.subject) == (alert.name, alert.subject) for each in open_alerts(archive)):
        archive.write(lambda tx: alerts.remove(tx, alert.name, alert.subject))


def open_alerts(archive: Archive) -> tuple[OpenAlert, ...]:
    """Return the open alerts, oldest first, as of when the service last ran."""
    with archive.read() as db:
        return alerts.open_ones(db)


def reopen(archive: Archive, names: Collection[str]) -> tuple[OpenAlert, ...]:
    """Return the open alerts of these names, and clear all others."""
    still_open = open_alerts(archive)
    stale = [alert for alert in still_open if alert.name not in names]

    def unit(tx: Connection) -> None:
        for alert in stale:
            alerts.remove(tx, alert.name, alert.subject)

    if stale:
        archive.write(unit)
    return tuple(alert for alert in still_open if alert.name in names)
