"""The alerts on policies: one differs from the configuration, or waits for a confirmation."""

from __future__ import annotations

from collections.abc import Collection

from pywats_archive.archive.core import Archive
from pywats_archive.pipeline.alerting.alerts import DIFFERS, UNCONFIRMED, Alerts
from pywats_archive.retention.differing import describe


def check_differences(archive: Archive, names: Collection[str], alerts: Alerts) -> None:
    """Raise or clear the alert for each of these converters."""
    for name in names:
        if found := archive.policies.differences(name):
            alerts.raise_alert(DIFFERS, name, reason=describe(found, is_compliant=archive.is_compliant))
        else:
            alerts.clear(DIFFERS, name)


def clear_confirmed(archive: Archive, names: Collection[str], alerts: Alerts) -> None:
    """Clear the alert for each of these converters whose policy was confirmed meanwhile, such as by a person's purge."""
    waiting = {alert.subject for alert in alerts.open if alert.name == UNCONFIRMED}
    for name in waiting.intersection(names):
        if archive.policies.is_confirmed(name):
            alerts.clear(UNCONFIRMED, name)
