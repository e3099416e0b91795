"""The web pages of a running service: served by a process of their own, which is started again whenever it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from pywats_archive.config import StationConfig
from pywats_archive.pipeline.alerting.alerts import PAGES, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.alerting.metrics import parse_address
from pywats_archive.pipeline.background.pages_process import PagesProcess
from pywats_archive.pipeline.background.ticker import Ticker
from pywats_archive.pipeline.settings import WebAddress

log = structlog.get_logger()

LONGEST_WAIT_S = 300.0
"""The longest time between two starts: it begins with one second and doubles with each end."""
_LOOK_S = 0.5
_SETTLED_S = 60.0
"""How long the pages must have been served before an end counts as the first one again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the pages know since their start."""

    station: StationConfig
    roots: frozenset[Path]
    """The archives that are open."""


class WebPages:
    """Keeps the pages served; no trouble with them affects anything else.

    They are also started again with a changed configuration, and when an archive comes or comes back.
    """

    def __init__(
        self, address: WebAddress, config: Path, alerts: Alerts, *, shown: Callable[[], Shown], tasks: IsolatedTasks
    ) -> None:
        self._wanted = address
        self._config = config
        self._alerts = alerts
        self._subject = str(config)
        self._shown = shown
        self._known = shown()
        self._process: PagesProcess | None = None
        self._failures = 0
        self._served_since_s: float | None = None
        self._stopping = threading.Event()
        self._ticker = Ticker("web pages", self._step, self._stopping, tasks=tasks, subject=self._subject)

    @property
    def address(self) -> str | None:
        """Where the pages are served now; None if they are not."""
        process = self._process
        return process.address if process else None

    def close(self) -> None:
        """End the process; answers in progress have two seconds."""
        self._stopping.set()
        if process := self._process:
            process.ask_to_end()
        self._ticker.join()
        if self._process:
            self._process.end()

    def _step(self) -> float:
        """Start the process, or look at it; returns the rest before the next step, in seconds."""
        if self._process is None:
            return self._start()
        if reason := self._process.trouble():
            return self._note_end(reason)
        if self._process.address and self._served_since_s is None:
            self._served_since_s = time.monotonic()
            log.info("web.listening", address=self._process.address, process=self._process.pid)
            self._alerts.clear(PAGES, self._subject)
        if self._is_outdated():
            self._forget()
            return 0.0
        return _LOOK_S

    def _start(self) -> float:
        self._known = self._shown()
        try:
            self._process = PagesProcess(self._config, self._wanted)
        except OSError as exc:
            return self._note_end(f"the process cannot be started ({exc.strerror or exc})")
        return _LOOK_S

    def _note_end(self, reason: str) -> float:
        since_s = self._served_since_s
        if since_s is not None and time.monotonic() - since_s >= _SETTLED_S:
            self._failures = 0
        wait_s = min(2.0 ** min(self._failures, 20), LONGEST_WAIT_S)
        self._failures += 1
        self._forget()
        log.error("web.ended", reason=reason, seconds=wait_s)
        self._alerts.raise_alert(PAGES, self._subject, reason=reason)
        return wait_s

    def _forget(self) -> None:
        if self._process:
            self._process.end()
        self._process = self._served_since_s = None

    def _is_outdated(self) -> bool:
        before, self._known = self._known, self._shown()
        return self._known.station != before.station or not self._known.roots <= before.roots


def web_address(text: str) -> WebAddress:
    """Return the address in ``[HOST:]PORT``; UsageError if it is invalid."""
    host, port = parse_address(text, option="--web", examples="a port such as 8087, or HOST:8087 for other computers")
    return WebAddress(host=host if ":" in text else None, port=port)
