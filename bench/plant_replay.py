"""(n) Replays of a plant: what a task costs beside the conversions, and two workers of Dask against one."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import structlog

from bench import live
from bench.figures import Board, Figure, folder
from pywats_archive.archive.core import Archive
from pywats_archive.config.vault import VaultSettings
from pywats_archive.demo.server import WatsServer
from pywats_archive.models.plant.replay import PlantReplayResult
from pywats_archive.pipeline.service import Service, Settings
from pywats_archive.plant.replaying.engines.scheduler import Scheduler
from pywats_archive.plant.replaying.records import results
from pywats_archive.plant.replaying.replays import PlantReplays
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault

_CONVERTER = "c"
_ENTRIES, _SEGMENT_BYTES, _ROUNDS = 1_000, 340_000, 3
"""A segment of so many bytes has about 25 of these entries."""
_OVERHEAD_MS, _PART = 12, 0.85
_WAIT_S, _CONNECT_S = 60.0, 0.1


def plant_replays(board: Board) -> None:
    """(n) Measure all of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with folder() as base:
        settings = VaultSettings(vault_url=str(base / "vault"))
        _fill(base, settings)
        replays = PlantReplays(settings)
        _overhead(board, settings, replays)
        _workers(board, replays)


def _fill(base: Path, settings: VaultSettings) -> None:
    """Convert the files at a station, and ship them."""
    vault = open_vault(settings)
    marker.create(vault)
    with WatsServer(strict=True) as server:
        live.station(base, server.address)
        live.drop(base, range(_ENTRIES))
        Service(Settings(config_path=base / "config.json", until_idle=True)).run()
    with Archive.open(base / "archive") as archive:
        for _ in Shipping(archive, vault, limit_bytes=_SEGMENT_BYTES).ship_all():
            pass


def _overhead(board: Board, settings: VaultSettings, replays: PlantReplays) -> None:
    """Compare the time of each task with that of its conversions, in one process; the first ones wait for its start."""
    done = replays.start(_CONVERTER, processes=1)
    _processed(done)
    found = [each for each in results.stored(open_vault(settings), done.replay.run) if each.items]
    beside = [(each.seconds * 1000 - _conversion_ms(each)) / len(each.items) for each in found]
    details = {
        "conversion_ms": round(sum(map(_conversion_ms, found)) / _ENTRIES, 1),
        "segments": len(found),
        "whole_ms": round(done.result.duration.total_seconds() / _ENTRIES * 1000, 1),
    }
    board.add(
        Figure(
            figure="n",
            name="ms an entry beside its conversion",
            ratio=median(beside),
            bound=f"<= {_OVERHEAD_MS}",
            details=details,
        )
    )


def _conversion_ms(found: results.SegmentResult) -> int:
    return sum(item.duration_ms for item in found.items)


def _workers(board: Board, replays: PlantReplays) -> None:
    """Alternate between one worker and two, and compare the best rates, and the processor time of all processes."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    spent: dict[int, list[float]] = {1: [], 2: []}
    for number in (1, 2) * _ROUNDS:
        with _cluster(number) as scheduler:
            replays.start(_CONVERTER, scheduler=scheduler)  # imports, converter processes
            run = replays.plan(_CONVERTER).run
            began_s, used_s = time.perf_counter(), _processor_s()
            done = replays.resume(run, scheduler=scheduler)
            rates[number].append(_processed(done) / (time.perf_counter() - began_s))
            spent[number].append((_processor_s() - used_s) * 1000 / _ENTRIES)
    details = {f"{number} a s": [round(each, 1) for each in found] for number, found in rates.items()}
    details |= {f"{number} cpu ms": [round(each, 1) for each in found] for number, found in spent.items()}
    part = max(rates[2]) / (2 * max(rates[1]))
    board.add(
        Figure(figure="n", name="two workers against twice one", ratio=part, bound=f">= {_PART}", details=details)
    )


def _processor_s() -> float:
    """Return the processor time of this process and of all below it: scheduler, workers and converters."""
    own = psutil.Process()
    return sum(sum(each.cpu_times()[:2]) for each in (own, *own.children(recursive=True)))


def _processed(done: PlantReplayResult) -> int:
    if done.result.by_comparison != {"same": _ENTRIES}:
        raise AssertionError(f"{done.result.by_comparison}, {done.result.skipped_because}, {done.unread}")
    return done.result.processed


@contextmanager
def _cluster(workers: int) -> Iterator[Scheduler]:
    """Start a scheduler and workers with one converter process each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = ["pywats_archive", "plant", "replay", "worker", "--scheduler", address, "--processes", "1"]
    started = [_started(scheduler)]
    try:
        _wait_for(port)
        started += [_started(worker) for _ in range(workers)]
        yield Scheduler(address=address)
    finally:
        for each in reversed(started):
            each.kill()
            each.wait()


def _started(words: list[str]) -> subprocess.Popen[bytes]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-m", *words], stdin=quiet, stdout=quiet, stderr=quiet, env={**os.environ})


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_CONNECT_S)
    raise TimeoutError("the scheduler does not start")
