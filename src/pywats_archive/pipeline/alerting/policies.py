"""The alert on policies that differ between an archive and the configuration."""

from __future__ import annotations

from collections.abc import Collection

from pywats_archive.archive.core import Archive
from pywats_archive.pipeline.alerting.alerts import DIFFERS, Alerts
from pywats_archive.retention.differing import describe


def check_differences(archive: Archive, names: Collection[str], alerts: Alerts) -> None:
    """Raise or clear the alert for each of these converters."""
    for name in names:
        if found := archive.policies.differences(name):
            alerts.raise_alert(DIFFERS, name, reason=describe(found))
        else:
            alerts.clear(DIFFERS, name)
