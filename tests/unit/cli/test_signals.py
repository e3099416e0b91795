"""Signals to a running service; the platform is injected."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from tests.station import wait_for
from tests.windows import foreign_kernel

from pywats_archive.cli import signals
from pywats_archive.cli.signals import Signals
from pywats_archive.portable.windows import console


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


def opened(system: System, calls: list[str], *, is_second: bool = False, **more: Any) -> Signals:
    def stop() -> bool:
        calls.append("stop")
        return is_second

    return Signals(stop=stop, reload=lambda: calls.append("reload"), system=system, **more)


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


def test_whoever_insists_need_not_wait_for_the_end(calls: list[str]) -> None:
    """If an interrupted service does not end in order, the process ends; the next start repairs (invariant 5)."""
    system, codes = System(POSIX), list[int]()
    with opened(system, calls, is_second=True, end_within_s=0, end=codes.append):
        system.deliver(2)
        wait_for(lambda: codes == [130])


def test_a_service_that_ends_in_order_is_not_cut_off(calls: list[str]) -> None:
    """The process is not ended if the service ends in time."""
    system, codes = System(POSIX), list[int]()
    with opened(system, calls, is_second=True, end_within_s=60, end=codes.append):
        system.deliver(2)
        wait_for(lambda: calls == ["stop"])
    assert codes == []


@pytest.mark.parametrize("event", [console.CTRL_C, console.CTRL_BREAK, console.CLOSE, console.LOGOFF, console.SHUTDOWN])
def test_a_windows_console_stops_the_service_in_order(calls: list[str], event: int) -> None:
    """Each event stops it; those after which Windows ends the process wait for its own end."""
    windows = Console()
    with opened(System(WINDOWS), calls, console=windows.events):
        assert windows.send(event) == 1
        wait_for(lambda: calls == ["stop"])
    assert windows.waited == (event not in (console.CTRL_C, console.CTRL_BREAK))
    assert windows.handlers == []


class Console:
    """A console of Windows: real foreign functions call the handler back."""

    def __init__(self) -> None:
        self.handlers: list[int] = []
        self.waited = False
        self._kernel = foreign_kernel(SetConsoleCtrlHandler=self._set)

    def events(self, act: Callable[[], object]) -> AbstractContextManager[None]:
        return console.console_events(act, windows=True, kernel=lambda: self._kernel, wait_for_end=self._wait)

    def send(self, event: int) -> int:
        (handler,) = self.handlers
        return console._HandlerType(handler)(event)  # type: ignore[no-any-return]

    def _set(self, handler: int, is_added: int) -> int:
        (self.handlers.append if is_added else self.handlers.remove)(handler)
        return 1

    def _wait(self) -> None:
        self.waited = True
