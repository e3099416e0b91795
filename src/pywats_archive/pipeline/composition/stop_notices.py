"""What a stop still waits for, logged every few seconds while it takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

log = structlog.get_logger()

NOTICE_EVERY_S = 5.0


class StopNotices:
    """Logs the work that is still running from ``start`` to ``close``; both may be called from any thread."""

    def __init__(self, work: Callable[[], Sequence[str]], *, every_s: float = NOTICE_EVERY_S) -> None:
        self._work = work
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()

    def start(self) -> None:
        """Begin; idempotent."""
        with self._mutex:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="stop notices", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End; idempotent."""
        self._ended.set()

    def _serve(self) -> None:
        began_s = time.monotonic()
        while not self._ended.wait(self._every_s):
            log.info("service.waiting", work=list(self._work()), seconds=round(time.monotonic() - began_s))
