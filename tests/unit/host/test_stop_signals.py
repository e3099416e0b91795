"""Signals that stop a service, in its worker processes; the platform is injected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pywats_archive.host.worker.stop_signals import StopSignals, held_back, stop_signals


class Windows:
    """The module ``signal`` as Windows has it: no masks, no SIGHUP."""

    SIGINT, SIGTERM, SIGBREAK = 2, 15, 21

    def __init__(self) -> None:
        self.handlers: dict[int, Callable[[int, object], None]] = {}

    def signal(self, number: int, handler: Callable[[int, object], None]) -> None:
        self.handlers[number] = handler


class Posix(Windows):
    """The module ``signal`` as Linux has it."""

    SIGHUP, SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK = 1, 0, 1, 2
    SIGBREAK = property(doc="none")  # type: ignore[assignment, unused-ignore]

    def __init__(self) -> None:
        super().__init__()
        self.mask: set[int] = {17}
        self.restarts: set[int] = set()

    def __getattribute__(self, name: str) -> object:
        if name == "SIGBREAK":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def pthread_sigmask(self, how: int, numbers: tuple[int, ...]) -> set[int]:
        before = set(self.mask)
        changes = {0: before | set(numbers), 1: before - set(numbers), 2: set(numbers)}
        self.mask = changes[how]
        return before

    def siginterrupt(self, number: int, flag: bool) -> None:
        assert not flag
        self.restarts.add(number)


@pytest.mark.parametrize(("system", "numbers"), [(Windows(), (2, 15, 21)), (Posix(), (2, 15, 1))])
def test_each_platform_has_its_own(system: Windows, numbers: tuple[int, ...]) -> None:
    """SIGBREAK, which stands for a console that is closed too, on Windows; SIGHUP elsewhere (invariant 15)."""
    assert stop_signals(system) == numbers


@pytest.mark.parametrize("make", [Windows, Posix])
def test_a_worker_notes_them_and_goes_on(make: type[Windows]) -> None:
    """Each is noted until the next call begins; a converter that installed handlers of its own does not keep them."""
    system = make()
    signals = StopSignals(system)
    signals.watch()
    signals.unblock()
    for number in stop_signals(system):
        assert not signals.is_noted
        system.handlers[number](number, None)
        assert signals.is_noted
        system.handlers.clear()
        signals.watch()
    assert set(system.handlers) == set(stop_signals(system))


def test_a_process_that_starts_has_them_held_back() -> None:
    """They are blocked while a process is started, and as before afterwards; Windows has no such masks."""
    system = Posix()
    with held_back(system):
        assert system.mask == {1, 2, 15, 17}
    assert system.mask == {17}
    with held_back(system):
        StopSignals(system).unblock()
        assert system.mask == {17}
    with held_back(Windows()):
        pass
