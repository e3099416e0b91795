"""The service's scrub: a thread that reads the archives back while there is time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import structlog

from pywats_archive.archive import checks
from pywats_archive.archive.checks import News
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError
from pywats_archive.integrity.pace import Pace, gentlest
from pywats_archive.integrity.scrub import Scrub
from pywats_archive.pipeline.alerts import DAMAGED, LATE, Alerts
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.parts import Parts

log = structlog.get_logger()

Using = Callable[[Archive], AbstractContextManager[bool]]
"""Keeps an archive open meanwhile, and tells whether it may be used."""
_REST_S = 60.0
"""After a failure, with nothing to do, and between two looks at the oldest check."""
_BYTES_PER_MB = 1_000_000


class Scrubbing:
    """Reads the archives of all lines back, one entry of each at a time, until it is stopped."""

    def __init__(
        self,
        lines: Callable[[], Sequence[Line]],
        alerts: Alerts,
        *,
        parts: Parts,
        is_busy: Callable[[], bool],
        using: Using,
    ) -> None:
        self._lines = lines
        self._parts = parts
        self._alerts = alerts
        self._is_busy = is_busy
        self._using = using
        self._stopping = threading.Event()
        self._scrubs: dict[Archive, Scrub] = {}
        self._faults: dict[Path, str] = {}
        self._judge_again_s: dict[Path, float] = {}
        self._thread = threading.Thread(target=self._run, name="scrub")
        self._thread.start()

    def close(self) -> None:
        """Stop after the entry that is being read."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        rest_s = 0.0
        while not self._stopping.wait(rest_s):
            try:
                rest_s = self._round()
            except Exception:  # the thread goes on whatever happens
                log.exception("service.unexpected")
                rest_s = _REST_S
        for archive, scrub in self._scrubs.items():
            self._guarded(archive, scrub.commit)

    def _round(self) -> float:
        """Read one entry of each archive; gives how long to rest then."""
        paces = _paces(self._lines())
        self._scrubs = {archive: self._scrub_of(archive) for archive in paces}
        return min((self._step(archive, pace) for archive, pace in paces.items()), default=_REST_S)

    def _scrub_of(self, archive: Archive) -> Scrub:
        return self._scrubs.get(archive) or Scrub(archive, tell=lambda news: self._tell(archive, news))

    def _step(self, archive: Archive, pace: Pace) -> float:
        scrub = self._scrubs[archive]
        rest_s = self._guarded(archive, lambda: scrub.step(pace, is_busy=self._is_busy()))
        if rest_s is None:
            scrub.forget()
            return _REST_S
        self._guarded(archive, lambda: self._judge_age(archive, pace), part="age of the scrub")
        return rest_s

    def _judge_age(self, archive: Archive, pace: Pace) -> None:
        if time.monotonic() < self._judge_again_s.get(archive.root, 0.0):
            return
        self._judge_again_s[archive.root] = time.monotonic() + _REST_S
        oldest, subject = checks.oldest(archive), str(archive.root)
        age = archive.now() - oldest.at if oldest else timedelta()
        if pace.is_late(age):
            self._alerts.raise_alert(LATE, subject, days=age.days, verify_interval_days=pace.interval.days)
        else:
            self._alerts.clear(LATE, subject)

    def _guarded(self, archive: Archive, act: Callable[[], float | None], *, part: str = "scrub") -> float | None:
        """Act on an archive that may be away or damaged; None when it is, which is told once."""
        try:
            with self._using(archive) as may_use:
                done = act() if may_use else None
        except (ArchiveError, OSError) as exc:
            if self._faults.get(archive.root) != str(exc):
                log.error("scrub.stopped", archive=str(archive.root), reason=str(exc))
            self._faults[archive.root] = str(exc)
            return None
        except Exception as exc:
            self._parts.note(part, str(archive.root), exc)
            return None
        self._faults.pop(archive.root, None)
        self._parts.over(part, str(archive.root))
        return done

    def _tell(self, archive: Archive, news: News) -> None:
        for problem in news.found:
            subject = str(archive.root / problem.path)
            self._alerts.raise_alert(DAMAGED, subject, problem=problem.kind.value, message=problem.message)
        for path in news.cleared:
            self._alerts.clear(DAMAGED, str(archive.root / path))


def _paces(lines: Sequence[Line]) -> dict[Archive, Pace]:
    """Give how each archive is to be read; one that no line wants read is left out."""
    wanted: dict[Archive, list[Pace]] = {}
    for line in lines:
        if line.archive and line.config.verify_interval_days:
            interval = timedelta(days=line.config.verify_interval_days)
            pace = Pace(interval=interval, bytes_per_s=line.config.verify_rate_mb_s * _BYTES_PER_MB)
            wanted.setdefault(line.archive, []).append(pace)
    return {archive: gentlest(paces) for archive, paces in wanted.items()}
