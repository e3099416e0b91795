"""The files that a converter opens for reading, recorded by Python's audit hook."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CODE = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PROGRAM = tuple({os.path.join(os.path.abspath(path), "") for path in _CODE})  # noqa: PTH100, PTH118
"""Only Python's code folders, since ``sys.prefix`` may contain a station's data."""
_MOST = 10_000
"""The most files that are recorded of one conversion."""


class _Recorder:
    def __init__(self) -> None:
        self.is_installed = False
        self.opened: set[str] | None = None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or self.opened is None or len(self.opened) >= _MOST:
            return
        path, mode, flags = arguments
        if isinstance(path, int) or (isinstance(flags, int) and flags & _WRITES):
            return
        if isinstance(mode, str) and any(letter in mode for letter in "wax+"):
            return
        self.opened.add(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 (cheap, and called at every open)


_RECORDER = _Recorder()


@contextmanager
def recorded_opens() -> Iterator[set[str]]:
    """Collect the absolute paths that are opened for reading inside the block, except Python's own."""
    if not _RECORDER.is_installed:
        sys.addaudithook(_RECORDER.hear)
        _RECORDER.is_installed = True
    opened: set[str] = set()
    _RECORDER.opened = opened
    try:
        yield opened
    finally:
        _RECORDER.opened = None
        opened -= {path for path in opened if path.startswith(_PROGRAM)}
