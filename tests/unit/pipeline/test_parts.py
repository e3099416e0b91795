"""A part of the service that fails is an alert and is retried later; it does not stop the other parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from tests.captured import capture_logs

from pywats_archive.errors import ConversionInterrupted, StorageError
from pywats_archive.pipeline.alerting.alerts import Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks


class Clock:
    now_s = 0.0


@pytest.fixture
def alerts() -> Alerts:
    return Alerts(list, clock=lambda: datetime.now(timezone.utc))


def raising(error: Exception) -> Callable[[], None]:
    """Return something that fails."""

    def act() -> None:
        raise error

    return act


def test_one_that_fails_waits_longer_each_time_and_is_an_alert_until_it_does_not(alerts: Alerts) -> None:
    """It is tried after 10 s, 20 s and so on, other parts meanwhile; the log has type, message and traceback once."""
    clock, done = Clock(), list[str]()
    parts = IsolatedTasks(alerts, now_s=lambda: clock.now_s)
    tried_at: list[float] = []
    with capture_logs() as lines:
        while clock.now_s < 100:
            before = parts.is_due("retention", "bad")
            assert not parts.run("retention", "bad", raising(ValueError("no\nsuch thing")))
            assert parts.run("retention", "good", lambda: done.append("good"))
            tried_at += [clock.now_s] if before else []
            clock.now_s += 1
    assert len(done) == 100 and tried_at == [0, 10, 30, 70]
    (told,) = [line for line in lines if line["event"] == "service.unexpected"]
    assert told["reason"] == "retention: ValueError: no such thing" and isinstance(told["exc_info"], ValueError)
    assert [(alert.name, alert.subject) for alert in alerts.open] == [("service.unexpected", "bad")]
    clock.now_s += 1000
    assert parts.run("retention", "bad", lambda: done.append("bad")) and not alerts.open


def test_the_alert_is_over_once_no_part_fails_for_the_subject(alerts: Alerts) -> None:
    """Of two parts that fail for one converter the alert stays until both went through."""
    parts = IsolatedTasks(alerts, now_s=lambda: 0.0)
    parts.add("schedule", "c", ValueError())
    parts.add("retention", "c", ValueError())
    parts.resolve("schedule", "c")
    assert len(alerts.open) == 1
    parts.resolve("retention", "c")
    assert not alerts.open


@pytest.mark.parametrize("error", [ConversionInterrupted("stop"), StorageError("away")])
def test_a_stop_and_what_is_answered_elsewhere_are_raised(alerts: Alerts, error: Exception) -> None:
    """What the caller answers by itself is no failure of a part."""
    with pytest.raises(type(error)):
        IsolatedTasks(alerts).run("retention", "c", raising(error), passing=(StorageError,))
    assert not alerts.open
