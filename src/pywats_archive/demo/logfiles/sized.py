"""Log files of about a wanted size, for benchmarks and tests of large sources."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

from pywats_archive.demo.logfiles import formats
from pywats_archive.demo.logfiles.unit import Unit, tested_unit


def wsjf(rng: random.Random, *, serial: str, size_bytes: int, passed: bool = True) -> bytes:
    """Make a WATS JSON report of about ``size_bytes``, within 5 % from 10 KB on."""
    report_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    return _of_size(lambda unit: formats.wsjf(unit, report_id=report_id), rng, serial, size_bytes, passed)


def spea(rng: random.Random, *, serial: str, size_bytes: int, passed: bool = True) -> bytes:
    """Make a SPEA log of about ``size_bytes``, within 5 % from 10 KB on."""
    return _of_size(formats.spea, rng, serial, size_bytes, passed)


def _of_size(write: Callable[[Unit], bytes], rng: random.Random, serial: str, size_bytes: int, passed: bool) -> bytes:
    """Write a unit with as many measurements as the size asks for, found by trying."""
    seed = rng.getrandbits(64)

    def written(steps: int) -> bytes:
        return write(tested_unit(random.Random(seed), serial=serial, steps=steps, fails=not passed))

    steps = 100
    for _ in range(3):
        size = len(written(steps))
        steps = max(1, steps + round((size_bytes - size) * steps / size))
    return written(steps)
