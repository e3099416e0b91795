"""The siege: drops, kills and a server that misbehaves, until the time is up; then the service is let finish its work."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from tests.soak.drops import CONVERTERS, LINES, Drop, Dropper
from tests.station import Station

_FAULTS: dict[str, Fault | None] = {
    "answered 500": faults.answer(500),
    "answered 503": faults.answer(503),
    "answered nothing": faults.EMPTY,
    "dropped before reading": faults.DROP_BEFORE_READING,
    "dropped after accepting": faults.DROP_AFTER_ACCEPTING,
    "hung": faults.hang(0.7),
    "confirmed another": faults.wrong_id(),
}
_FINISH_S = 240
_SOME_FAILED = 1
"""The exit code of a run of which some sources failed, as some of the siege do."""


class Siege:
    """One station under siege; everything random comes from ``seed``."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self.station = Station(folder)
        self.drops: list[Drop] = []
        self.counts: Counter[str] = Counter()
        self._seed = seed
        self._kills = random.Random(f"{seed} kills")
        self._faults = random.Random(f"{seed} faults")
        self._pauses = random.Random(f"{seed} pauses")
        self._mutex = threading.Lock()
        self.station.code(CONVERTERS)
        for name, keys in LINES.items():
            own = "own.SoakFolder" if name == "folder" else "own.Soak"
            self.station.add(name, own, max_retries=10_000, **keys)
        self._dropper = Dropper(folder, random.Random(f"{seed} drops"))
        self._log = folder / "service.log"

    def run(self, seconds: float) -> None:
        """Drop, kill and misbehave for so long."""
        self.station.write_config()
        self.station.server.fault = self._fault
        until = time.monotonic() + seconds
        killing = threading.Thread(target=self._kill_again_and_again, args=(until,))
        refusing = threading.Thread(target=self._refuse_now_and_then, args=(until,))
        killing.start()
        refusing.start()
        while time.monotonic() < until:
            self.drops.append(self._dropper.drop())
            time.sleep(self._pauses.expovariate(6))
        killing.join()
        refusing.join()

    def finish(self) -> list[str]:
        """Let the service finish all that waits, unharmed; gives what kept it from doing so."""
        self.station.server.fault = None
        service = self._start("--until-idle")
        try:
            code = service.wait(timeout=_FINISH_S)
        except subprocess.TimeoutExpired:
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()
            return [f"run --until-idle did not end in {_FINISH_S} s"]
        return [f"run --until-idle ended with {code}; see {self._log}"] if code not in (0, _SOME_FAILED) else []

    def told(self) -> str:
        """Tell what was done."""
        received = self.station.server.received
        size = sum(drop.size_bytes for drop in self.drops) / 1e6
        again = sum(len(bodies) for bodies in received.values()) - len(received)
        lines = [
            f"{len(self.drops)} sources dropped ({size:.1f} MB), {self.counts['killed']} kills, "
            f"{self.counts['stopped']} stops, {self.station.server.requests} requests, {len(received)} reports at the "
            f"server, {again} of them sent again",
            "server: " + ", ".join(f"{name} {number}" for name, number in sorted(self.counts.items()) if name in _TOLD),
        ]
        return "\n".join(lines)

    def remove(self) -> None:
        """Remove the station's folder."""
        shutil.rmtree(self.station.root.parent)

    def _kill_again_and_again(self, until: float) -> None:
        while time.monotonic() < until:
            service = self._start()
            time.sleep(self._kills.choice((0.3, 1.0, 1.5, 2.0, 3.0, 5.0)) * self._kills.uniform(0.6, 1.4))
            is_kill = self._kills.random() < 0.9
            if service.poll() is not None:
                self.counts["died by itself"] += 1
            elif is_kill:
                os.killpg(service.pid, signal.SIGKILL)
            else:
                service.send_signal(signal.SIGTERM)
            service.wait()
            self.counts["killed" if is_kill else "stopped"] += 1

    def _start(self, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "pywats_archive", "run", "--config", str(self.station.root / "config.json")]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--processes", "1", *more], stdout=log, stderr=log, start_new_session=True
            )

    def _refuse_now_and_then(self, until: float) -> None:
        """Have the server refuse connections for a while; its port stays."""
        while time.monotonic() < until:
            time.sleep(self._pauses.uniform(1, 5))
            self.station.server.stop()
            time.sleep(self._pauses.uniform(0.2, 1.5))
            self.station.server.start()
            self.counts["refused connections"] += 1

    def _fault(self, number: int) -> Fault | None:
        with self._mutex:
            if self._faults.random() < 0.6:
                return None
            name = self._faults.choice(list(_FAULTS))
            self.counts[name] += 1
        return _FAULTS[name]

    def __enter__(self) -> Siege:
        self.station.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.station.__exit__(kind, error, trace)


_TOLD = {*_FAULTS, "refused connections", "died by itself"}
