"""Signals to a running service; the platform is injected."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.station import wait_for

from pywats_archive.cli import signals
from pywats_archive.cli.signals import Signals


class System:
    """The module ``signal``: keeps handlers, and delivers."""

    SIG_IGN, SIG_DFL = signal.SIG_IGN, signal.SIG_DFL

    def __init__(self, numbers: dict[str, int], *, ignored: tuple[int, ...] = ()) -> None:
        self.__dict__.update(numbers)
        self.handlers: dict[int, Any] = dict.fromkeys(ignored, signal.SIG_IGN)

    def getsignal(self, number: int) -> Any:
        return self.handlers.get(number, signal.SIG_DFL)

    def signal(self, number: int, handler: Any) -> Any:
        before = self.getsignal(number)
        self.handlers[number] = handler
        return before

    def deliver(self, number: int) -> None:
        self.handlers[number](number, None)


POSIX = {"SIGINT": 2, "SIGTERM": 15, "SIGHUP": 1}
WINDOWS = {"SIGINT": 2, "SIGTERM": 15, "SIGBREAK": 21}


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Says whether there is a terminal."""
    yield lambda is_there: monkeypatch.setattr(signals, "_has_terminal", lambda: is_there)


def opened(system: System, calls: list[str]) -> Signals:
    return Signals(stop=lambda: calls.append("stop"), reload=lambda: calls.append("reload"), system=system)


@pytest.mark.parametrize("numbers", [POSIX, WINDOWS])
def test_each_platform_stops_by_its_own_signals(numbers: dict[str, int], calls: list[str]) -> None:
    """Ctrl-C, SIGTERM, and on Windows Ctrl-Break stop the service; SIGHUP reloads; afterwards all is as before."""
    system = System(numbers)
    with opened(system, calls):
        for number in numbers.values():
            system.deliver(number)
        wait_for(lambda: len(calls) == len(numbers))
    assert calls == ["reload" if number == 1 else "stop" for number in numbers.values()]
    assert set(system.handlers.values()) == {signal.SIG_DFL}


def test_a_terminal_that_is_closed_stops_the_service(calls: list[str], terminal: Callable[[bool], None]) -> None:
    """SIGHUP means a new configuration only as long as the terminal is there, or never was."""
    system = System(POSIX)
    terminal(True)
    with opened(system, calls):
        system.deliver(1)
        wait_for(lambda: calls == ["reload"])
        terminal(False)
        system.deliver(1)
        wait_for(lambda: calls == ["reload", "stop"])


def test_nohup_is_kept(calls: list[str]) -> None:
    """A signal that the service was started to ignore stays ignored."""
    system = System(POSIX, ignored=(1,))
    with opened(system, calls):
        assert system.getsignal(1) == signal.SIG_IGN
        assert system.getsignal(15) not in (signal.SIG_IGN, signal.SIG_DFL)
