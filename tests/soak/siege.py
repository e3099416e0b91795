"""The siege: drops, kills, a bad server, clock and configuration until the time is up; then the service may finish its work."""

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
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from pywats_archive import Client
from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from tests.soak.bucket import TROUBLES, Bucket
from tests.soak.drops import CONVERTERS, LINES, Drop, Dropper
from tests.soak.troubles import Configuration, LogReader, StationClock, end_whole_tree
from tests.station import Station

_FAULTS: dict[str, Fault | None] = {
    "answered 500": faults.answer(500),
    "answered 503": faults.answer(503),
    "answered 407": faults.answer(407),
    "answered 429": faults.answer(429),
    "answered nothing": faults.EMPTY,
    "dropped before reading": faults.DROP_BEFORE_READING,
    "dropped after accepting": faults.DROP_AFTER_ACCEPTING,
    "hung": faults.hang(0.7),
    "confirmed another": faults.wrong_id(),
}
_FINISH_S = 240
_START_S = 15
_SOME_FAILED = 1
"""The exit code of a run of which some sources failed, as some of the siege do."""


class Siege:
    """One station under siege; everything random comes from ``seed``. With ``has_vault`` its vault is, too."""

    def __init__(self, folder: Path, *, seed: int, has_vault: bool = False) -> None:
        self.station = Station(folder)
        self.drops: list[Drop] = []
        self.counts: Counter[str] = Counter()
        self._died: list[str] = []
        self._seed = seed
        self._kills = random.Random(f"{seed} kills")
        self._faults = random.Random(f"{seed} faults")
        self._pauses = random.Random(f"{seed} pauses")
        self._pushes = random.Random(f"{seed} pushes")
        self._troubles = random.Random(f"{seed} troubles")
        self._mutex = threading.Lock()
        self.station.code(CONVERTERS)
        for name, keys in LINES.items():
            own = "own.SoakFolder" if name == "folder" else "own.Soak"
            self.station.add(name, own, max_retries=10_000, **keys)
        self._dropper = Dropper(folder, random.Random(f"{seed} drops"))
        self._log = folder / "service.log"
        self._clock = StationClock(folder / "clock", self._troubles)
        self._configuration = Configuration(self.station, self._troubles)
        self._parts = ExitStack()
        rng = random.Random(f"{seed} bucket")
        self._bucket = Bucket(folder.parent / "bucket", rng=rng, counts=self.counts) if has_vault else None

    def run(self, seconds: float) -> None:
        """Drop, kill and misbehave for so long."""
        self._configuration.write()
        self.station.server.fault = self._fault
        until_s = time.monotonic() + seconds
        besides = [self._kill_again_and_again, self._refuse_now_and_then, self._trouble_now_and_then]
        if self._bucket:
            besides += [self._bucket.trouble, self._push_now_and_then]
        threads = [threading.Thread(target=each, args=(until_s,)) for each in besides]
        for thread in threads:
            thread.start()
        while time.monotonic() < until_s:
            self.drops.append(self._dropper.drop())
            time.sleep(self._pauses.expovariate(6))
        self._dropper.close()
        for thread in threads:
            thread.join()

    def finish(self) -> list[str]:
        """Let the service finish all that waits, unharmed; gives what kept it from doing so."""
        self.station.server.fault = None
        self._clock.set_right()
        service = self._start("--until-idle")
        try:
            code = service.wait(timeout=_FINISH_S)
        except subprocess.TimeoutExpired:
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()
            return [f"run --until-idle did not end in {_FINISH_S} s"]
        ended = [f"run --until-idle ended with {code}; see {self._log}"] if code not in (0, _SOME_FAILED) else []
        return [*self._died, *ended]

    def told(self) -> str:
        """Describe what was done."""
        received = self.station.server.received
        size = sum(drop.size_bytes for drop in self.drops) / 1e6
        again = sum(len(bodies) for bodies in received.values()) - len(received)
        lines = [
            f"{len(self.drops)} sources dropped ({size:.1f} MB), {self.station.server.requests} requests, "
            f"{len(received)} reports at the server, {again} of them sent again",
            "service: " + self._counted(lambda name: name not in _SERVER | TROUBLES),
            "server: " + self._counted(lambda name: name in _SERVER),
            "bucket: " + self._counted(lambda name: name in TROUBLES),
        ]
        return "\n".join(lines)

    def _counted(self, is_shown: Callable[[str], bool]) -> str:
        return ", ".join(f"{name} {number}" for name, number in sorted(self.counts.items()) if is_shown(name))

    def remove(self) -> None:
        """Remove the station's folder."""
        shutil.rmtree(self.station.root.parent)

    def _kill_again_and_again(self, until_s: float) -> None:
        while time.monotonic() < until_s:
            lifetime_s = self._kills.choice((0.3, 1.0, 1.5, 2.0, 3.0, 5.0)) * self._kills.uniform(0.6, 1.4)
            reader = LogReader(self._log, lifetime_s * self._kills.random()) if self._kills.random() < 0.2 else None
            began_s, said_bytes = time.monotonic(), self._log.stat().st_size if self._log.exists() else 0
            service = self._start(reader=reader)
            if self._kills.random() < 0.8:  # others end while the service starts
                self._wait_until_it_works(service, said_bytes)
            time.sleep(lifetime_s)
            way = self._kills.choices(list(ENDS), weights=[8, 1, 2])[0]
            if service.poll() is None:
                ENDS[way](service)
            elif self._configuration.was_bad_at_s < began_s:
                self._died.append(f"the service ended by itself with {service.returncode}; see {self._log}")
            service.wait()
            if reader:
                reader.join()
                self.counts["log reader ended"] += 1
            self.counts[way] += 1

    def _wait_until_it_works(self, service: subprocess.Popen[bytes], said_bytes: int) -> None:
        """Wait until the service logs something: on a busy computer that takes longer than many of its lives here."""
        until_s = time.monotonic() + _START_S
        while service.poll() is None and time.monotonic() < until_s and self._log.stat().st_size == said_bytes:
            time.sleep(0.05)

    def _push_now_and_then(self, until_s: float) -> None:
        """Copy what waits, beside the service that does so too; what is wrong with the vault then is one line."""
        while time.monotonic() < until_s:
            time.sleep(self._pushes.uniform(0.5, 4))
            with (self._log.with_name("pushes.txt")).open("ab") as said:
                pushing = self._run("vault", "push", stdout=said, stderr=said)
            if self._pushes.random() < 0.3:
                time.sleep(self._pushes.uniform(0.5, 3))
                pushing.kill()
                self.counts["push killed"] += 1
            ended = pushing.wait()
            self.counts["pushed" if ended == 0 else "push failed"] += 1

    def _start(self, *more: str, reader: LogReader | None = None) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            into = reader.write_to if reader else log
            service = self._run("run", "--processes", "1", "--log-format", "json", *more, stdout=log, stderr=into)
        if reader:
            reader.start()
        return service

    def _run(self, verb: str, *words: str, stdout: Any, stderr: Any) -> subprocess.Popen[bytes]:
        """Start a verb of the command, with the clock of the siege."""
        config = str(self.station.root / "config.json")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.soak.service", verb, *words, "--config", config],
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            env={**os.environ, "SOAK_CLOCK": str(self._clock.file)},
        )

    def _trouble_now_and_then(self, until_s: float) -> None:
        """Set the clock or change the configuration, one after the other."""
        while time.monotonic() < until_s:
            time.sleep(self._troubles.uniform(1, 4))
            if self._troubles.random() < 0.5:
                self._clock.set_at_random()
                self.counts["clock set"] += 1
            else:
                self._configuration.change(self.counts)

    def _refuse_now_and_then(self, until_s: float) -> None:
        """Have the server refuse connections for a while; its port stays."""
        while time.monotonic() < until_s:
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
        self._parts.enter_context(self.station)
        if self._bucket:
            self._parts.enter_context(self._bucket)
            self.station.keys |= self._bucket.keys
            with Client.from_config(self.station.write_config()) as client:
                client.vault.init()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.__exit__(kind, error, trace)


_SERVER = {*_FAULTS, "refused connections"}


def _kill(service: subprocess.Popen[bytes]) -> None:
    os.killpg(service.pid, signal.SIGKILL)


def _stop(service: subprocess.Popen[bytes]) -> None:
    service.send_signal(signal.SIGTERM)


ENDS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "killed": _kill,
    "stopped": _stop,
    "ended with all its processes": end_whole_tree,
}
"""How the service is ended, by the name under which that is counted."""
