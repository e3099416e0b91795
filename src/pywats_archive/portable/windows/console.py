"""The events that a Windows console sends to its programs: Ctrl-C, Ctrl-Break, its own end, logoff and shutdown.

Windows calls a handler in a thread of its own, whatever the main thread waits for. Python's handlers run in the main thread,
which on Windows no signal interrupts while it waits for a lock or a thread.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pywats_archive.portable.files import WINDOWS
from pywats_archive.portable.windows.kernel32 import kernel32

CTRL_C, CTRL_BREAK = 0, 1
CLOSE, LOGOFF, SHUTDOWN = 2, 5, 6
_ENDING = {CLOSE, LOGOFF, SHUTDOWN}
"""Windows ends the process as soon as its handler returns, or some seconds later (SetConsoleCtrlHandler)."""
_HandlerType = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(ctypes.c_int, ctypes.c_uint32)
_FOREVER = threading.Event()
_KEPT: list[Any] = []
"""Handlers that Windows may still call."""


@contextmanager
def console_events(
    act: Callable[[], object],
    *,
    windows: bool = WINDOWS,
    kernel: Callable[[], Any] = kernel32,
    wait_for_end: Callable[[], object] = _FOREVER.wait,
) -> Iterator[None]:
    """Call ``act`` for each console event inside the block, instead of Python's handlers; no effect on other systems.

    Events that end the process wait until it ends by itself, so that ``act`` has the time that Windows allows.
    """
    if not windows:
        yield
        return
    opened = kernel()

    def handle(event: int) -> int:
        act()
        if event in _ENDING:
            wait_for_end()
        return 1

    handler = _HandlerType(handle)
    _KEPT.append(handler)
    opened.SetConsoleCtrlHandler(handler, 1)
    try:
        yield
    finally:
        opened.SetConsoleCtrlHandler(handler, 0)
