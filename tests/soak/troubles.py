"""What befalls a station besides kills and a bad server: a clock that is set, a changed configuration, a log nobody reads."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.soak.drops import SWAPPED
from tests.station import Station

_HOUR_S, _DAY_S = 3600, 86_400
_OFFSETS_S = (0, _HOUR_S, -_HOUR_S, 30 * _DAY_S, 400 * _DAY_S, -400 * _DAY_S)
_BAD_CONFIGURATIONS = (b"", b"{", b"[" * 100_000, b'{"converters": 5}', b'{"converters": [{"name": "a\\u0000"}]}')


class StationClock:
    """The clock of the service's processes, which is set as a wrong time server or an empty battery does."""

    def __init__(self, file: Path, rng: random.Random) -> None:
        self.file = file
        self._rng = rng

    def set_at_random(self) -> None:
        """Set the clock ahead or back by an hour, a month or a year, or set it right."""
        self._set(self._rng.choice(_OFFSETS_S))

    def set_right(self) -> None:
        """Set the clock right."""
        self._set(0)

    def _set(self, offset_s: int) -> None:
        partial = self.file.with_suffix(".part")
        partial.write_text(str(offset_s), encoding="ascii")
        partial.replace(self.file)


class Configuration:
    """The station's configuration, in which two converters exchange their folders, or which is not one for a moment."""

    def __init__(self, station: Station, rng: random.Random) -> None:
        self._station = station
        self._path = station.root / "config.json"
        self._rng = rng
        self.was_bad_at_s = float("-inf")
        """When there was a bad configuration last, by the monotonic clock; infinite while there is one."""

    def write(self) -> None:
        """Write it as pyWATS does, once the server has its address."""
        self._station.write_config()

    def change(self, counts: Counter[str]) -> None:
        """Exchange the folders of two converters, or leave a bad configuration there for a moment."""
        if self._rng.random() < 0.5:
            self._exchange()
            counts["configuration exchanged"] += 1
            return
        good = self._path.read_bytes()
        self.was_bad_at_s = float("inf")
        self._write(self._rng.choice(_BAD_CONFIGURATIONS))
        time.sleep(self._rng.uniform(0.2, 3))
        self._write(good)
        self.was_bad_at_s = time.monotonic()
        counts["configuration bad"] += 1

    def _exchange(self) -> None:
        fields = json.loads(self._path.read_bytes())
        left, right = (self._section(fields, name) for name in SWAPPED)
        left["watch_folder"], right["watch_folder"] = right["watch_folder"], left["watch_folder"]
        self._write(json.dumps(fields).encode())

    @staticmethod
    def _section(fields: dict[str, Any], name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(section for section in fields["converters"] if section["name"] == name)
        return found

    def _write(self, content: bytes) -> None:
        partial = self._path.with_name("configuration.part")
        partial.write_bytes(content)
        partial.replace(self._path)


class LogReader:
    """Reads a service's log from a pipe, and ends before the service does."""

    def __init__(self, log: Path, lifetime_s: float) -> None:
        self._read_from, self.write_to = os.pipe()
        self._log = log
        self._until_s = time.monotonic() + lifetime_s
        self._thread = threading.Thread(target=self._read)

    def start(self) -> None:
        """Begin to read; the service has its own end of the pipe by now."""
        os.close(self.write_to)
        os.set_blocking(self._read_from, False)
        self._thread.start()

    def join(self) -> None:
        """Wait until the reader has ended."""
        self._thread.join()

    def _read(self) -> None:
        with self._log.open("ab") as log:
            while time.monotonic() < self._until_s:
                with suppress(BlockingIOError):
                    log.write(os.read(self._read_from, 65_536))
                time.sleep(0.05)
        os.close(self._read_from)


def end_whole_tree(service: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to the service and to every process beneath it, as a service manager or a shutdown does."""
    for pid in _tree(service.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _tree(root: int) -> list[int]:
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                waiting += [int(child) for child in children.read_text(encoding="ascii").split()]
    return found
