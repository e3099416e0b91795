"""The alert of an archive that fails lasts from its first source to its last."""

from __future__ import annotations

from datetime import datetime

from pywats_archive.errors import DiskLow, StorageError
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.archive_failures import ArchiveFailures

NOW = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)


def opened(alerts: Alerts) -> list[tuple[str, str]]:
    """Return the alerts that are open."""
    return [(alert.name, alert.subject) for alert in alerts.open]


def test_it_lasts_until_every_source_is_archived() -> None:
    """One source that cannot be archived keeps the alert open, whatever becomes of the others (invariant 11)."""
    alerts = Alerts(lambda: (), clock=lambda: NOW)
    failing = ArchiveFailures(alerts)
    for source in (1, 2):
        failing.add("ICT", source, StorageError("no rights"))
    failing.resolve("ICT", 2)
    failing.resolve("SPEA", 1)
    assert opened(alerts) == [("archive.failing", "ICT")]
    failing.resolve("ICT", 1)
    assert opened(alerts) == []
    failing.add("ICT", 3, StorageError("no rights"))
    failing.reset()
    assert opened(alerts) == []


def test_a_disk_in_trouble_is_told_of_once() -> None:
    """A low disk has an alert of its own, so its sources raise none."""
    alerts = Alerts(lambda: (), clock=lambda: NOW)
    ArchiveFailures(alerts).add("ICT", 1, DiskLow("low"))
    assert opened(alerts) == []
