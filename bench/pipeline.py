"""(c) The whole pipeline with archiving on against off, over files that all wait at the start."""

from __future__ import annotations

import json
import logging
import multiprocessing
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from types import MappingProxyType

import structlog

from bench.figures import Board, Figure, folder, median_ratio, timed
from bench.stages import stages
from pywats_archive.demo.logfiles import sized
from pywats_archive.demo.server import WatsServer
from pywats_archive.pipeline.service import Service, Settings

_FILES, _PAIRS = 300, 5
_SMALL = 10_000
_STANDARD = "pywats_client.converters.standard"
_CONVERTERS = {
    "JSON": (sized.wsjf, "json", f"{_STANDARD}.wats_standard_json_converter.WATSStandardJsonConverter"),
    "SPEA": (sized.spea, "csv", f"{_STANDARD}.spea_converter.SPEAConverter"),
}

Beside = Callable[[Path], AbstractContextManager[object]]
"""What goes on beside a service, given its archive."""


def on_against_off(board: Board) -> None:
    """(c) 300 files of 100 KB, and of 10 KB, through two standard converters."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with server() as address:
        for size, bound in ((100_000, "<= 1.08"), (_SMALL, "<= 1.25")):
            for name in _CONVERTERS:
                pairs = [_pair(name, size, address) for _ in range(_PAIRS)]
                details: dict[str, object] = {"on_s": round(pairs[-1][0], 2), "off_s": round(pairs[-1][1], 2)}
                if size == 10_000:
                    details["per_file"] = _where_the_time_goes(name, size, address)
                board.add(
                    Figure(
                        figure="c",
                        name=f"{_FILES} {name} files of {size // 1000} KB, archive on over off",
                        ratio=median_ratio(pairs),
                        bound=bound,
                        details=details,
                    )
                )


def _where_the_time_goes(name: str, size: int, address: str) -> dict[str, str]:
    """Run once more, and give what each stage of a file takes; stages of several files go on at the same time."""
    with stages() as measured:
        run(name, size, address, archive=True)
    return measured.per_source(_FILES)


def _pair(name: str, size: int, address: str) -> tuple[float, float]:
    return run(name, size, address, archive=True), run(name, size, address, archive=False)


def run(
    name: str,
    size: int,
    address: str,
    *,
    archive: bool,
    files: int = _FILES,
    beside: Beside = nullcontext,
    keys: Mapping[str, object] = MappingProxyType({}),
) -> float:
    """Return the seconds that a service takes for files that all wait, with something ``beside`` it on its archive.

    ``keys`` are those of the whole station.
    """
    make, extension, module_path = _CONVERTERS[name]
    rng = random.Random(size)
    with folder() as base:
        section = {"name": name, "module_path": module_path, "watch_folder": "watch", "archive_enabled": archive}
        config = {
            "service_address": address,
            "api_token": "YmVuY2g=",
            "converters": [section | {"settle_seconds": 0.2}],
            **keys,
        }
        (base / "watch").mkdir()
        (base / "config.json").write_text(json.dumps(config))
        settings = Settings(config_path=base / "config.json", until_idle=True)
        Service(settings).run()
        for number in range(files):
            content = make(rng, serial=f"S{number}", size_bytes=size)
            (base / "watch" / f"S{number}.{extension}").write_bytes(content)
        with beside(base / "archive"):
            seconds = timed(lambda: Service(settings).run())
        _check(base / "Done", files)
    return seconds


def _check(done: Path, files: int) -> None:
    if len(list(done.iterdir())) != files:
        raise RuntimeError(f"{done}: not every file came to its end")


@contextmanager
def server() -> Iterator[str]:
    """A simulated WATS server in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    addresses: Queue[str] = spawn.Queue()
    ended = spawn.Event()
    process = spawn.Process(target=_listen, args=(addresses, ended))
    process.start()
    try:
        yield addresses.get()
    finally:
        ended.set()
        process.join()


def _listen(addresses: Queue[str], ended: Event) -> None:
    with WatsServer(strict=False) as server:
        addresses.put(server.address)
        ended.wait()
