"""A scheduler of Dask with workers on loopback, each a process of its own as a plant starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from pywats_archive.models.plant.replay import PlantReplayResult
from pywats_archive.plant.replaying.engines.scheduler import Scheduler
from tests.patience import PATIENCE_S
from tests.plants import Plant
from tests.station import wait_for

_UNTIL_ORPHANED = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module until it ends, or until the process that started it is gone."""


class Cluster:
    """One scheduler and its workers; ends with the block."""

    def __init__(self, folder: Path, *, workers: int = 2, tls: Sequence[str] = ()) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"{'tls' if tls else 'tcp'}://127.0.0.1:{self._port}"
        self._folder = folder
        self._tls = dict(zip(("ca-file", "cert", "key"), tls, strict=False))
        self._number = 0
        folder.mkdir()
        self.scheduler = self.start_scheduler()
        self.workers = [self.start_worker() for _ in range(workers)]

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        """Start the scheduler, again under the same address."""
        words = ["distributed.cli.dask_scheduler", "--host", self.address.rpartition(":")[0]]
        words += ["--port", str(self._port), "--no-dashboard"]
        words += [each for name, path in self._tls.items() for each in (f"--tls-{name}", path)]
        self.scheduler = self._started("scheduler", words)
        wait_for(self._answers)
        return self.scheduler

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker, with one converter process."""
        words = ["pywats_archive", "plant", "replay", "worker", "--scheduler", self.address, "--processes", "1"]
        names = {"ca-file": "ca-file", "cert": "certificate", "key": "key"}
        words += [each for name, path in self._tls.items() for each in (f"--tls-{names[name]}", path)]
        return self._started("worker", words)

    def logs(self) -> str:
        """Give what all processes wrote."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log")))

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (*self.workers, self.scheduler):
            kill(each)

    def _started(self, name: str, words: list[str]) -> subprocess.Popen[bytes]:
        self._number += 1
        log = (self._folder / f"{self._number}-{name}.log").open("wb")
        with log:
            return subprocess.Popen(
                [sys.executable, "-c", _UNTIL_ORPHANED, *words],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def _answers(self) -> bool:
        if self.scheduler.poll() is not None:
            raise AssertionError(self.logs())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process as a power cut does."""
    process.kill()
    process.wait()
    if process.stdin:
        process.stdin.close()


class Running(threading.Thread):
    """A replay in a thread."""

    def __init__(self, made: Plant, candidate: str, address: str = "", scheduler: Scheduler | None = None) -> None:
        super().__init__(daemon=True)
        self.replay = made.replays.plan("ict", converter_file=made.candidate(candidate))
        self.done: PlantReplayResult | None = None
        self.error: Exception | None = None
        self.seen: list[tuple[int, int]] = []
        self._made = made
        self._scheduler = scheduler or Scheduler(address=address)
        self.start()

    def run(self) -> None:
        try:
            self.done = self._made.replays.resume(
                self.replay.run, scheduler=self._scheduler, on_progress=lambda *each: self.seen.append(each)
            )
        except Exception as exc:
            self.error = exc

    def result(self, timeout_s: float = PATIENCE_S) -> PlantReplayResult:
        """Wait for the end."""
        self.join(timeout_s)
        if self.error:
            raise self.error
        assert self.done is not None, "it does not end"
        return self.done
