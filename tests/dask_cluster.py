"""A scheduler of Dask with workers on loopback, each a process of its own as a plant starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.station import wait_for


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
        words = ["-m", "distributed.cli.dask_scheduler", "--host", self.address.rpartition(":")[0]]
        words += ["--port", str(self._port), "--no-dashboard"]
        words += [each for name, path in self._tls.items() for each in (f"--tls-{name}", path)]
        self.scheduler = self._started("scheduler", words)
        wait_for(self._answers)
        return self.scheduler

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one more worker, with one converter process."""
        words = ["-m", "pywats_archive", "plant", "replay", "worker", "--scheduler", self.address, "--processes", "1"]
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
            each.kill()
            each.wait()

    def _started(self, name: str, words: list[str]) -> subprocess.Popen[bytes]:
        self._number += 1
        log = (self._folder / f"{self._number}-{name}.log").open("wb")
        with log:
            return subprocess.Popen(
                [sys.executable, *words],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def _answers(self) -> bool:
        if self.scheduler.poll() is not None:
            raise AssertionError(self.logs())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process as a power cut does."""
    process.send_signal(signal.SIGKILL)
    process.wait()
