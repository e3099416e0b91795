"""The thread of a job that repeats its step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from tests.station import wait_for

from pywats_archive.pipeline.alerting import isolation
from pywats_archive.pipeline.alerting.alerts import PART_FAILING, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.background.ticker import Ticker


class Steps:
    """A step that fails with each of ``errors`` first, and a ticker that repeats it."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.done = 0
        self.stopping = threading.Event()
        self.alerts = Alerts(list, clock=lambda: datetime.now(timezone.utc))
        self.tasks = IsolatedTasks(self.alerts)

    def start(self) -> Ticker:
        return Ticker("scrub", self.step, self.stopping, tasks=self.tasks, subject="config.json")

    def step(self) -> float:
        if self.errors:
            raise self.errors.pop(0)
        self.done += 1
        return 0.0

    @property
    def open(self) -> list[tuple[str, str]]:
        return [(alert.name, alert.subject) for alert in self.alerts.open]


@pytest.fixture
def started() -> Iterator[list[tuple[Steps, Ticker]]]:
    """Tickers that are stopped at the end."""
    made: list[tuple[Steps, Ticker]] = []
    yield made
    for steps, ticker in made:
        steps.stopping.set()
        ticker.join()


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError("none left"), SystemExit(3)])
def test_a_step_that_fails_is_an_alert_and_is_repeated(
    started: list[tuple[Steps, Ticker]], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """No error ends the thread; the step is delayed, and the alert is over once the step succeeds."""
    monkeypatch.setattr(isolation, "RETRY_S", 60.0)
    delayed, brief = Steps(error, error), Steps(error, error)
    started.append((delayed, ticker := delayed.start()))
    wait_for(lambda: delayed.open == [(PART_FAILING, "config.json")])
    assert ticker.is_running and len(delayed.errors) == 1 and delayed.done == 0
    monkeypatch.setattr(isolation, "RETRY_S", 0.001)
    started.append((brief, ticker := brief.start()))
    wait_for(lambda: brief.done > 1 and not brief.open)
    assert ticker.is_running


def test_a_log_that_fails_as_well_ends_nothing(
    started: list[tuple[Steps, Ticker]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread outlives an error in recording an error."""

    def fail(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(isolation, "RETRY_S", 0.001)
    steps = Steps(ValueError("x"))
    monkeypatch.setattr(steps.tasks, "add", fail)
    started.append((steps, steps.start()))
    wait_for(lambda: steps.done > 1)


def test_it_ends_once_the_service_stops(started: list[tuple[Steps, Ticker]]) -> None:
    """A ticker that rests does not wait for the end of its rest."""
    steps = Steps(ValueError("x"))
    started.append((steps, ticker := steps.start()))
    wait_for(lambda: bool(steps.open))
    steps.stopping.set()
    ticker.join()
    assert not ticker.is_running
