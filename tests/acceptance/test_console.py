"""Ctrl-C in a Windows console: real consoles, which all processes of the service share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_stopping import SLOW
from tests.station import PATIENCE_S, Station, wait_for

from pywats_archive.cli.main import INTERRUPTED
from pywats_archive.models.entry import ConversionStatus

pytestmark = [
    pytest.mark.skipif(os.name != "nt", reason="Windows' consoles"),
    pytest.mark.spawned,
]

_NO_WINDOW = 0x0800_0000
"""CREATE_NO_WINDOW: a console of its own that nobody sees (CreateProcess, process creation flags)."""
DRIVER = """
import ctypes, subprocess, sys
kernel = ctypes.WinDLL("kernel32")
handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint32)(lambda event: 1)
kernel.SetConsoleCtrlHandler(handler, 1)
service = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
for line in sys.stdin:
    kernel.GenerateConsoleCtrlEvent(0, 0)
sys.exit(service.wait())
"""
"""Starts a command in its own console, and presses Ctrl-C there for each line of its input."""


class InConsole:
    """A command in a console of its own."""

    def __init__(self, log: Path, *words: str) -> None:
        self._log = log
        command = [sys.executable, "-c", DRIVER, sys.executable, "-m", "pywats_archive", *words]
        self._stream = log.open("wb")
        self._driver = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._stream, creationflags=_NO_WINDOW
        )

    def press_ctrl_c(self) -> None:
        assert self._driver.stdin
        self._driver.stdin.write(b"\n")
        self._driver.stdin.flush()

    def wait(self) -> int:
        assert self._driver.stdin
        self._driver.stdin.close()
        return self._driver.wait(PATIENCE_S)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def close(self) -> None:
        self._driver.kill()
        self._stream.close()


@pytest.fixture
def running(station: Station) -> Iterator[InConsole]:
    """A service that converts two sources, each until there is a file ``quick``."""
    station.code(SLOW.replace("range(40)", "range(4000)"))
    watch = station.add("slow", "own.Slow")
    for name in ("a.log", "b.log"):
        (watch / name).write_text(name)
    words = ("run", "--config", str(station.write_config()), "--processes", "2")
    service = InConsole(station.root / "service.log", *words)
    try:
        wait_for(lambda: len(list((station.root / "slow").glob("begun-*"))) == 2)
        yield service
    finally:
        service.close()


def test_ctrl_c_lets_conversions_end(station: Station, running: InConsole) -> None:
    """Workers survive it, the service ends when they are done, and no conversion failed (invariant 15)."""
    running.press_ctrl_c()
    wait_for(lambda: running.events("service.stopping"))
    (station.root / "slow" / "quick").touch()
    assert running.wait() == 0
    assert station.names("slow/Error") == []
    require_all_done_by_next_start(station)


def test_a_second_ctrl_c_interrupts_conversions(station: Station, running: InConsole) -> None:
    """Ctrl-C reaches a service whose main thread waits for a conversion (invariant 15)."""
    running.press_ctrl_c()
    wait_for(lambda: running.events("service.stopping"))
    time.sleep(1.2)
    running.press_ctrl_c()
    assert running.wait() == 0
    assert len(running.events("source.interrupted")) == 2
    require_all_done_by_next_start(station)


def test_ctrl_c_ends_a_replay(station: Station) -> None:
    """It reaches a replay that waits for a conversion (invariant 15)."""
    station.code(SLOW)
    (station.add("slow", "own.Slow") / "a.log").write_text("a")
    (station.root / "slow" / "quick").touch()
    station.run()
    station.code(
        SLOW.replace("range(40)", "range(4000)").replace("source.path.parent.parent", f"Path(r'{station.root}')")
    )
    with (station.root / "converters" / "own.py").open("a") as code:
        code.write("from pathlib import Path\n")
    (entry,) = station.entries()
    words = ("reprocess", "start", entry.archive_id, "--yes", "--config", str(station.write_config()))
    replay = InConsole(station.root / "replay.log", *words)
    try:
        wait_for(lambda: list(station.root.glob("begun-*")))
        replay.press_ctrl_c()
        assert replay.wait() == INTERRUPTED
    finally:
        replay.close()


def require_all_done_by_next_start(station: Station) -> None:
    """Whatever was interrupted is converted then, and nothing is sent twice."""
    (station.root / "slow" / "quick").touch()
    assert station.run().waiting == ()
    assert station.names("slow/Error") == [] and station.names("slow/Done") == ["a.log", "b.log"]
    assert {entry.conversion_status for entry in station.entries()} == {ConversionStatus.SUCCESS}
    assert sorted(len(bodies) for bodies in station.server.received.values()) == [1, 1]
