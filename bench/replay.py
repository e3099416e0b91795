"""(h) Replays: their rate against the bare converter, the estimate against the truth, and live files beside a run."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from bench import live
from bench.figures import Board, Figure, folder, timed
from pywats_archive.client import Client
from pywats_archive.demo.server import WatsServer
from pywats_archive.host.headless import pywats_module
from pywats_archive.models.operation.replay import ReplayRequest
from pywats_archive.models.query import EntryFilter
from pywats_archive.pipeline.service import Service, Settings

_ENTRIES, _LIVE = 1_000, 40
_BESIDE, _SMALL = 10_000, 10_000
"""How many entries the run has that live files come beside, and the bytes of those that are added for it."""


def replays(board: Board) -> None:
    """(h) Measure all of it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with folder() as base, WatsServer(strict=True) as server:
        live.station(base, server.address)
        live.drop(base, range(_ENTRIES))
        Service(Settings(config_path=base / "config.json", until_idle=True)).run()
        _rate(board, base)
        live.drop(base, range(_ENTRIES, _BESIDE), _SMALL)
        Service(Settings(config_path=base / "config.json", until_idle=True)).run()
        _beside(board, base)


def _rate(board: Board, base: Path) -> None:
    count = os.cpu_count() or 2
    files = sorted((base / "Done").iterdir())
    with Client.from_config(base / "config.json") as client:
        engine = client.reprocessing(actor="bench")
        ids = engine.select(EntryFilter())
        estimate = engine.estimate(ids, processes=count).total_seconds()
        engine.start(ids[:50], ReplayRequest(dry_run=True))
        pairs = []
        for _ in range(3):
            bare = _bare(files, count)
            ours = timed(lambda: engine.start(ids, ReplayRequest(dry_run=True)))
            pairs.append((bare, ours))
    ratio = statistics.median(bare / ours for bare, ours in pairs)
    ours = statistics.median(ours for _, ours in pairs)
    details = {"entries": len(ids), "s": [round(o, 1) for _, o in pairs], "bare_s": [round(b, 1) for b, _ in pairs]}
    name = f"replay of {_ENTRIES:,} SPEA files of 30 KB, rate over the bare converter"
    board.add(Figure(figure="h", name=name, ratio=ratio, bound=">= 0.85", details=details))
    off = max(estimate / ours, ours / estimate)
    told = {"estimated_s": round(estimate, 1), "took_s": round(ours, 1)}
    board.add(Figure(figure="h", name="the time estimate, off by a factor", ratio=off, bound="<= 1.5", details=told))


def _bare(files: list[Path], count: int) -> float:
    """The same files through the converter alone, in as many processes; both are started within the time."""

    def convert_all() -> None:
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
            list(pool.map(_convert, [str(path) for path in files], chunksize=10))

    return timed(convert_all)


def _convert(path: str) -> int:
    models = pywats_module("pywats_client.converters.models")
    context = pywats_module("pywats_client.converters.context").ConverterContext(arguments={})
    converter = getattr(pywats_module(live.MODULE), live.CLASS)()
    result = converter.convert(models.ConverterSource.from_file(Path(path)), context)
    return len(json.dumps(_plain(result.report), default=str))


def _plain(report: Any) -> Any:
    return report.model_dump(mode="json", by_alias=True) if hasattr(report, "model_dump") else report


def _beside(board: Board, base: Path) -> None:
    """Let files arrive one by one at a running service, without and with a run of replays going on."""
    config = base / "config.json"
    with live.running(config):
        time.sleep(2)
        alone = _live(base, 20_000)
        with _run_over_all(config) as run:
            time.sleep(4)
            beside = _live(base, 30_000)
            is_going = run.poll() is None
        again = _live(base, 40_000)
    assert is_going, "the run was over before the live files were through"
    with Client.from_config(config) as client:
        latest = client.reprocessing(actor="bench").runs(1)[0]
    ratio = beside / statistics.mean((alone, again))
    details = {"ms": round(beside * 1e3), "alone_ms": [round(alone * 1e3), round(again * 1e3)]}
    details |= {"entries": latest.total, "of_them_done_meanwhile": latest.done}
    name = "live files' median time beside a run, over without"
    board.add(Figure(figure="h", name=name, ratio=ratio, bound="<= 1.25", details=details))


@contextmanager
def _run_over_all(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Replay all entries in a process of their own meanwhile; it is stopped in the end."""
    command = [sys.executable, "-m", "pywats_archive", "reprocess", "start", "--converter", "c", "--yes"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*command, "--config", str(config)], stdout=quiet, stderr=quiet) as run:
        yield run
        run.terminate()


def _live(base: Path, start: int) -> float:
    """Give the median seconds from drop to Done of files that come one by one."""
    return statistics.median(live.delays(base, range(start, start + _LIVE)))
