"""Parsing Python sources."""

from __future__ import annotations

import ast
import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pywats_archive.host.syntax import parsed

SOURCE = (
    b"class A:\n    def f(self, x):\n        return [(((x + 1) * 2) ** 3,) for x in (1, 2, [3, {4: (5, 6)}])]\n" * 60
)


@pytest.mark.long
def test_many_threads_may_parse_at_once() -> None:
    """Each gets its tree, although collections of garbage let other threads run amid a parse."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(_pause)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            trees = list(threads.map(parsed, [SOURCE] * 60))
    finally:
        gc.callbacks.remove(_pause)
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
    assert all(isinstance(tree, ast.Module) for tree in trees)


def _pause(phase: str, info: object) -> None:
    time.sleep(0)
