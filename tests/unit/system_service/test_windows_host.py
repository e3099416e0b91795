"""The process of a service of Windows: it reports to the service manager while conversions end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.station import PATIENCE_S, wait_for

from pywats_archive.errors import ServiceFailed
from pywats_archive.system_service.windows_host import service_class

API = SimpleNamespace(
    SERVICE_ACCEPT_PRESHUTDOWN=0x100, SERVICE_CONTROL_PRESHUTDOWN=15, SERVICE_STOP_PENDING=3, SERVICE_RUNNING=4
)


class Framework:
    """pywin32's ServiceFramework, as far as a service uses it."""

    def __init__(self, arguments: Any) -> None:
        self.reported: list[tuple[int, int]] = []

    def GetAcceptedControls(self) -> int:
        return 0x1

    def ReportServiceStatus(self, state: int, waitHint: int = 5000) -> None:  # noqa: N803
        self.reported.append((state, waitHint))


class Station:
    """A station whose conversions end when they are let."""

    def __init__(self, *, is_well: bool = True) -> None:
        self.is_stopped, self.may_end = threading.Event(), threading.Event()
        self._is_well = is_well

    def run(self) -> bool:
        assert self.is_stopped.wait(PATIENCE_S) and self.may_end.wait(PATIENCE_S)
        return self._is_well

    def stop(self) -> None:
        self.is_stopped.set()


def running(station: Station) -> tuple[Any, threading.Thread, list[BaseException]]:
    """Start the service as pywin32 does, in a thread."""
    service = service_class("pywats-archive", Framework, API, station, every_s=0.01)(["pywats-archive"])
    raised: list[BaseException] = []

    def run() -> None:
        try:
            service.SvcDoRun()
        except ServiceFailed as exc:
            raised.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    return service, thread, raised


@pytest.mark.parametrize("stop", [lambda service: service.SvcStop(), lambda service: service.SvcOtherEx(15, 0, None)])
def test_a_stop_is_reported_until_the_last_conversion_has_ended(stop: Callable[[Any], None]) -> None:
    """A stop and the shutdown of Windows are answered at once, and again and again (invariant 15)."""
    station = Station()
    service, thread, raised = running(station)
    stop(service)
    assert station.is_stopped.is_set() and service.reported[0] == (3, 30_000)
    wait_for(lambda: len(service.reported) > 3)
    station.may_end.set()
    thread.join(PATIENCE_S)
    ended = len(service.reported)
    assert not thread.is_alive() and raised == []
    assert {state for state, _ in service.reported} == {3} and len(service.reported) == ended


def test_a_service_that_stops_does_not_say_that_it_runs() -> None:
    """Windows may ask at any time."""
    service, thread, _ = running(station := Station())
    service.SvcInterrogate()
    assert service.reported == [(4, 5000)]
    service.SvcStop()
    service.SvcInterrogate()
    assert {state for state, _ in service.reported[1:]} == {3}
    station.may_end.set()
    thread.join(PATIENCE_S)


def test_a_shutdown_is_announced_to_the_service() -> None:
    """The notice before a shutdown leaves more time than the shutdown."""
    service, thread, _ = running(station := Station())
    assert service.GetAcceptedControls() == 0x101
    service.SvcOtherEx(4, 0, None)
    assert not station.is_stopped.is_set(), "another control is no stop"
    station.may_end.set()
    service.SvcStop()
    thread.join(PATIENCE_S)


def test_a_station_that_fails_ends_the_service_with_an_error() -> None:
    """Windows restarts the service only then; the error shows nothing of the configuration."""
    station = Station(is_well=False)
    _, thread, raised = running(station)
    station.stop()
    station.may_end.set()
    thread.join(PATIENCE_S)
    assert [str(error) for error in raised] == ["the station ended with an error; its log says why"]
