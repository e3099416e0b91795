"""A service that is stopped in the middle of ten conversions, in every way in which people and systems stop programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.pipeline.service import _SAME_STOP_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sends POSIX signals, opens a terminal")

NAMES = [f"{number}.log" for number in range(10)]
CONVERTING = """
class Converting(Any):
    def outcome(self, source, context):
        station = source.path.parent.parent
        (station / f"begun-{source.path.stem}").touch()
        while not (station / "finish").exists():
            time.sleep(0.05)
        return super().outcome(source, context)
"""


class Terminal:
    """A service that runs in the foreground of a terminal of its own, with ten conversions begun."""

    def __init__(self, station: Station) -> None:
        station.code(CONVERTING)
        watch = station.add("ten", "own.Converting")
        for name in NAMES:
            (watch / name).write_text(name)
        self.station = station
        self.log = station.root / "service.log"
        self.keyboard, screen = os.openpty()
        command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(station.write_config())]
        with self.log.open("wb") as log:
            self.service = subprocess.Popen(
                [sys.executable, "-c", _IN_FOREGROUND, *command, "--processes", "10"],
                stdin=screen,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        os.close(screen)
        wait_for(lambda: len(self.begun()) == 10 or self.service.poll() is not None)
        assert self.service.poll() is None, self.log.read_text()

    def begun(self) -> list[Path]:
        return list((self.station.root / "ten").glob("begun-*"))

    def finish(self) -> None:
        """Let conversions come to their end."""
        (self.station.root / "ten" / "finish").touch()

    def has_logged(self, event: str) -> bool:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return any(line["event"] == event for line in lines)

    def close(self) -> None:
        """Close the window."""
        if self.keyboard >= 0:
            os.close(self.keyboard)
            self.keyboard = -1

    def require_all_done_by_next_start(self) -> None:
        self.finish()
        left = self.station.run()
        assert left.waiting == ()
        assert self.station.names("ten/Error") == [] and self.station.names("ten/Done") == NAMES
        assert {entry.conversion_status for entry in self.station.entries()} == {ConversionStatus.SUCCESS}
        assert sorted(len(bodies) for bodies in self.station.server.received.values()) == [1] * 10


_IN_FOREGROUND = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def stop_group(terminal: Terminal) -> None:
    """As 'kill' of a job in a shell."""
    os.killpg(terminal.service.pid, signal.SIGTERM)


def stop_every_process(terminal: Terminal) -> None:
    """As a shutdown of the system, or a service manager with KillMode=control-group; workers are in sessions of their own."""
    service = psutil.Process(terminal.service.pid)
    for each in (*service.children(recursive=True), service):
        each.terminate()


def stop_main_process(terminal: Terminal) -> None:
    """As 'pywats-archive service stop': systemd's KillMode=mixed."""
    terminal.service.terminate()


def press_ctrl_c(terminal: Terminal) -> None:
    """The terminal sends SIGINT to every process in the foreground."""
    os.write(terminal.keyboard, b"\x03")


def close_window(terminal: Terminal) -> None:
    """The kernel sends SIGHUP to every process in the foreground."""
    terminal.close()


@pytest.mark.spawned
@pytest.mark.parametrize("stop", [stop_group, stop_every_process, stop_main_process, press_ctrl_c, close_window])
def test_ten_conversions_are_finished_by_a_stop(station: Station, stop: Callable[[Terminal], None]) -> None:
    """None of them is in Error, nothing is sent twice, and after the next start all is done (invariant 15)."""
    terminal = Terminal(station)
    try:
        stop(terminal)
        wait_for(lambda: terminal.has_logged("service.stopping"))
        terminal.finish()
        assert terminal.service.wait(PATIENCE_S) == 0
    finally:
        terminal.service.kill()
        terminal.close()
    assert not terminal.has_logged("source.interrupted")
    assert station.names("ten/Error") == []
    terminal.require_all_done_by_next_start()


@pytest.mark.spawned
def test_a_second_ctrl_c_ends_ten_conversions_at_once(station: Station) -> None:
    """Conversions that would never end are interrupted; they are no failures, and begin again later (invariant 15)."""
    terminal = Terminal(station)
    try:
        press_ctrl_c(terminal)
        wait_for(lambda: terminal.has_logged("service.stopping"))
        time.sleep(1.5 * _SAME_STOP_S)  # one that comes earlier counts as the same
        press_ctrl_c(terminal)  # only once: a third one may come when the service has ended already, and ends Python
        wait_for(lambda: terminal.has_logged("service.interrupted"))
        assert terminal.service.wait(PATIENCE_S) == 0
    finally:
        terminal.service.kill()
        terminal.close()
    assert station.names("ten/Error") == [] and station.names("ten/watch") == NAMES
    terminal.require_all_done_by_next_start()
