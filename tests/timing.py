"""How long the parts of a long test take, for the targets of ``make`` that run one with many entries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

Timed = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def timed(capsys: pytest.CaptureFixture[str]) -> Timed:
    """Print how long a part takes, if a number of entries is asked for."""

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        since_s = time.monotonic()
        yield
        if "ENTRIES" in os.environ:
            with capsys.disabled():
                print(f"{what}: {time.monotonic() - since_s:.1f} s", flush=True)  # noqa: T201 (shown by 'make disaster')

    return timed
