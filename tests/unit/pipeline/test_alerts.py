"""Alerts are reported once when raised and once when cleared, in the log and in the history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from tests.captured import capture_logs

from pywats_archive.archive.alerts import open_alerts
from pywats_archive.archive.core import Archive
from pywats_archive.catalog import events
from pywats_archive.models.time import UTC
from pywats_archive.pipeline.alerting.alerts import Alert, Alerts

NOW = datetime(2026, 2, 13, 14, 30, tzinfo=UTC)


@pytest.fixture
def archives(tmp_path: Path) -> Iterator[tuple[Archive, Archive]]:
    """Two archives of one station."""
    one, other = (Archive.open(tmp_path / name, create=True, own=True) for name in ("one", "other"))
    yield one, other
    one.close()
    other.close()


def told(archive: Archive) -> list[tuple[str, object]]:
    """Return the alerts in an archive's history."""
    with archive.read() as db:
        assert events.first_break(db) is None
        return [(event.kind, event.details["alert"]) for event in events.iterate(db)]


def test_an_alert_is_raised_once_and_cleared_once() -> None:
    """However often it is raised or cleared, an alert is reported once each (invariant 11)."""
    alerts = Alerts(lambda: (), clock=lambda: NOW)
    with capture_logs() as logged:
        for free in (5, 4):
            alerts.raise_alert("disk.low", "/archive", free_bytes=free)
        assert alerts.open == (Alert(name="disk.low", subject="/archive", raised_at=NOW, fields=(("free_bytes", 5),)),)
        alerts.raise_alert("disk.low", "/another", free_bytes=1)
        for _ in range(2):
            alerts.clear("disk.low", "/archive")
    assert [alert.subject for alert in alerts.open] == ["/another"]
    assert [(line["event"], line["alert"], line["subject"]) for line in logged] == [
        ("alert.raised", "disk.low", "/archive"),
        ("alert.raised", "disk.low", "/another"),
        ("alert.cleared", "disk.low", "/archive"),
    ]


def test_an_alert_is_in_the_history_of_what_it_is_about(archives: tuple[Archive, Archive]) -> None:
    """An alert is an event in the chain of the archive that its subject lies in, of all when in none (invariant 8)."""
    one, other = archives
    alerts = Alerts(lambda: archives, clock=lambda: NOW)
    alerts.raise_alert("integrity", str(one.root / "sources/2026/02/13/x.gz"), problem="blob_damaged")
    alerts.raise_alert("disk.low", str(other.root))
    alerts.raise_alert("watch.away", "/elsewhere")
    alerts.clear("disk.low", str(other.root))
    assert told(one) == [("alert.raised", "integrity"), ("alert.raised", "watch.away")]
    assert told(other) == [("alert.raised", "disk.low"), ("alert.raised", "watch.away"), ("alert.cleared", "disk.low")]


def test_an_archive_that_cannot_take_it_fails_nothing(archives: tuple[Archive, Archive]) -> None:
    """An alert is open even when no archive can put it on record: it is about just that (invariant 11)."""
    one, other = archives
    one.close()
    alerts = Alerts(lambda: archives, clock=lambda: NOW)
    alerts.raise_alert("archive.failing", "ICT", reason="disk full")
    assert [alert.name for alert in alerts.open] == ["archive.failing"]
    assert told(other) == [("alert.raised", "archive.failing")]


def open_in(archive: Archive) -> list[str]:
    """Return the names of the alerts that are open in an archive."""
    return [alert.name for alert in open_alerts(archive)]


def test_an_archive_that_was_away_knows_what_is_open(archives: tuple[Archive, Archive]) -> None:
    """What it had open, and what was raised meanwhile, is open in it when it is back; its own trouble in no other one."""
    one, other = archives
    there = [one, other]
    alerts = Alerts(lambda: there, clock=lambda: NOW)
    alerts.raise_alert("watch.away", "/elsewhere")
    there.remove(one)
    alerts.raise_alert("archive.away", str(one.root))
    alerts.raise_alert("converter.failing", "ICT")
    assert open_in(other) == ["archive.away", "converter.failing", "watch.away"]
    alerts.resume(one)
    there.append(one)
    alerts.clear("archive.away", str(one.root))
    assert open_in(one) == open_in(other) == ["converter.failing", "watch.away"]
    alerts.clear("watch.away", "/elsewhere")
    assert open_in(one) == open_in(other) == ["converter.failing"]


def test_nothing_is_open_in_an_archive_that_is_used_no_more(archives: tuple[Archive, Archive]) -> None:
    """Nobody would clear it there; what is about something else stays open in the others."""
    one, other = archives
    there = [one, other]
    alerts = Alerts(lambda: there, clock=lambda: NOW)
    alerts.raise_alert("disk.low", str(one.root))
    alerts.raise_alert("watch.away", "/elsewhere")
    alerts.close_archive(one)
    there.remove(one)
    assert [alert.name for alert in alerts.open] == ["watch.away"]
    assert open_in(one) == []
    assert open_in(other) == ["watch.away"]
