"""Files that arrive one by one at a running service, and how long each takes."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_archive.demo.logfiles import sized
from pywats_archive.pipeline.service import Service, Settings

MODULE, CLASS = "pywats_client.converters.standard.spea_converter", "SPEAConverter"
"""The converter of the station."""
_SIZE = 30_000


def station(base: Path, address: str, **keys: object) -> Path:
    """Write the configuration of a station, with more ``keys``; returns its path."""
    section = {"name": "c", "module_path": f"{MODULE}.{CLASS}", "watch_folder": "watch", "archive_enabled": True}
    config = {"service_address": address, "api_token": "YmVuY2g=", "converters": [section | {"settle_seconds": 0.05}]}
    (base / "watch").mkdir(exist_ok=True)
    path = base / "config.json"
    path.write_text(json.dumps({**config, **keys}))
    return path


@contextmanager
def running(config: Path) -> Iterator[Service]:
    """Let the service run for the duration of the block."""
    service = Service(Settings(config_path=config))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        yield service
    finally:
        service.stop()
        thread.join()


def delays(base: Path, numbers: Iterable[int], *, is_over: Callable[[], bool] = lambda: False) -> list[float]:
    """Return the seconds from drop to Done of files that come one by one, until it is over."""
    took = list[float]()
    for number in numbers:
        if is_over():
            break
        (name,) = drop(base, [number])
        began = time.monotonic()
        while not (base / "Done" / name).exists():
            time.sleep(0.002)
        took.append(time.monotonic() - began)
    return took


def drop(base: Path, numbers: Iterable[int], size_bytes: int = _SIZE) -> list[str]:
    """Drop log files at once; returns their names."""
    names = []
    for number in numbers:
        names.append(f"S{number:06}.csv")
        content = sized.spea(random.Random(number), serial=f"S{number}", size_bytes=size_bytes)
        partial = base / f".{names[-1]}"
        partial.write_bytes(content)
        partial.rename(base / "watch" / names[-1])
    return names
