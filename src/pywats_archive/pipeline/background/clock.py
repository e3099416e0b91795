"""Whether the clock can be trusted for retention: stored in each archive, an alert if not, checked with the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pywats_archive.archive.core import Archive
from pywats_archive.config.server import ServerConfig
from pywats_archive.errors import ArchiveError, CatalogFull
from pywats_archive.host.server.clock import ServerClock
from pywats_archive.models.retention.clock import Known, Reading
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import CLOCK, CLOCK_WRONG, Alerts
from pywats_archive.retention.clock import Trust, judge

READ_EVERY_S = 1.0
"""How soon a confirmation that another process stored is used."""
SAVE_EVERY_S = 600.0
"""How often the elapsed time is stored; a power failure loses at most that much."""
ASK_EVERY_S = 60.0
"""Between two requests to the server for its time, while the clock is doubted."""
_ANSWER_WITHIN_S = 5.0
WRONG_BEYOND = timedelta(minutes=5)


@dataclass(kw_only=True)
class _ArchiveClock:
    """The state of an archive's clock record between two checks."""

    known: Known
    read_s: float
    saved_s: float


@dataclass(kw_only=True)
class ClockJob:
    """Evaluates the clock for the retention of each open archive; used by one thread."""

    alerts: Alerts
    heard: ServerClock
    server: Callable[[], ServerConfig]
    now: Clock
    _archives: dict[Path, _ArchiveClock] = field(default_factory=dict)
    _asked_s: float = float("-inf")
    _asking: threading.Thread | None = None

    def check(self, archive: Archive) -> Trust:
        """Evaluate the clock now; stores the result if needed, and raises or clears the alert on a doubt."""
        trust = self._evaluate(archive)
        if trust.doubt and self._ask():
            trust = self._evaluate(archive)
        if trust.doubt:
            self.alerts.raise_alert(CLOCK, str(archive.root), reason=trust.doubt)
        else:
            self.alerts.clear(CLOCK, str(archive.root))
        self._compare(is_doubted=trust.doubt is not None)
        return trust

    def save(self, archive: Archive) -> None:
        """Store the elapsed time of an archive that is about to be closed."""
        if self._archives.pop(archive.root, None):
            with suppress(ArchiveError, OSError):
                archive.clock.update(self._known_after)

    def _evaluate(self, archive: Archive) -> Trust:
        now_s, clock = time.monotonic(), self._archives.get(archive.root)
        if clock is None or now_s - clock.read_s >= READ_EVERY_S:
            saved_s = clock.saved_s if clock else float("-inf")
            clock = _ArchiveClock(known=archive.clock.known(), read_s=now_s, saved_s=saved_s)
            self._archives[archive.root] = clock
        trust = judge(clock.known, archive.clock.reading(), server=self.heard.now)
        if _differs(clock.known, trust.known) or now_s - clock.saved_s >= SAVE_EVERY_S:
            clock.saved_s = now_s
            with suppress(CatalogFull):  # a purge must free space first
                clock.known = archive.clock.update(self._known_after)
        return trust

    def _known_after(self, known: Known, reading: Reading) -> Known:
        return judge(known, reading, server=self.heard.now).known

    def _ask(self) -> bool:
        """Ask the server for its time; False when it was asked a moment ago, or does not answer soon."""
        now_s = time.monotonic()
        if now_s - self._asked_s < ASK_EVERY_S or (self._asking and self._asking.is_alive()):
            return False
        self._asked_s = now_s
        self._asking = threading.Thread(target=self.heard.ask, args=(self.server(),), name="ask-time", daemon=True)
        self._asking.start()
        self._asking.join(_ANSWER_WITHIN_S)
        return self.heard.now is not None

    def _compare(self, *, is_doubted: bool) -> None:
        """Raise or clear the alert on a difference from the server's clock, unless the clock is doubted anyway."""
        server, host = self.heard.now, _host(self.server())
        if server is None:
            return
        off = self.now() - server
        if is_doubted or abs(off) <= WRONG_BEYOND:
            self.alerts.clear(CLOCK_WRONG, host)
            return
        how = "ahead of" if off > timedelta() else "behind"
        reason = f"the clock is {_in_words(abs(off))} {how} the server's; set the one that is wrong"
        self.alerts.raise_alert(CLOCK_WRONG, host, reason=reason)


def _differs(known: Known, other: Known) -> bool:
    """Whether more than the elapsed time changed: a restart of the machine, a doubt, or a confirmation."""

    def significant(each: Known) -> tuple[object, ...]:
        return each.boot_id, each.voucher, each.is_disputed, each.doubted_since

    return significant(known) != significant(other)


def _host(server: ServerConfig) -> str:
    """Return the server's host name alone, without credentials."""
    with suppress(ValueError):
        return urlsplit(server.service_address).hostname or "server"
    return "server"


def _in_words(off: timedelta) -> str:
    minutes = off / timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes:.0f} minutes"
    return f"{minutes / 60:.0f} hours" if minutes < 72 * 60 else f"{minutes / 60 / 24:.0f} days"
