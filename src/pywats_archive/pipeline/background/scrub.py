"""The service's scrub: it reads the archives back at low priority."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import structlog

from pywats_archive.archive.audit import scrub_log
from pywats_archive.archive.audit.scrub_log import FindingChanges
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError
from pywats_archive.integrity.pace import Pace, gentlest
from pywats_archive.integrity.scrub import Scrub
from pywats_archive.pipeline.alerting.alerts import DAMAGED, LATE, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.lanes.lane import Lane

log = structlog.get_logger()

Using = Callable[[Archive], AbstractContextManager[bool]]
"""Keeps an archive open inside, and yields whether it may be used."""
_REST_S = 60.0
"""The rest after a failure, with nothing to do, and between two evaluations of the oldest check."""
_BYTES_PER_MB = 1_000_000


class ScrubJob:
    """Reads the archives of all lanes back, one entry of each at a time."""

    def __init__(
        self,
        lanes: Iterable[Lane],
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        is_busy: Callable[[], bool],
        using: Using,
    ) -> None:
        self._lanes = lanes
        self._tasks = tasks
        self._alerts = alerts
        self._is_busy = is_busy
        self._using = using
        self._scrubs: dict[Archive, Scrub] = {}
        self._faults: dict[Path, str] = {}
        self._check_age_at_s: dict[Path, float] = {}

    def step(self) -> float:
        """Read one entry of each archive; returns the rest after it, in seconds."""
        paces = _paces(self._lanes)
        self._scrubs = {archive: self._scrub_of(archive) for archive in paces}
        return min((self._read(archive, pace) for archive, pace in paces.items()), default=_REST_S)

    def end(self) -> None:
        """Store the results that are not stored yet, after the last step."""
        for archive, scrub in self._scrubs.items():
            self._guarded(archive, scrub.commit)

    def _scrub_of(self, archive: Archive) -> Scrub:
        return self._scrubs.get(archive) or Scrub(archive, on_changes=lambda news: self._report(archive, news))

    def _read(self, archive: Archive, pace: Pace) -> float:
        scrub = self._scrubs[archive]
        rest_s = self._guarded(archive, lambda: scrub.step(pace, is_busy=self._is_busy()))
        if rest_s is None:
            scrub.forget()
            return _REST_S
        self._guarded(archive, lambda: self._check_age(archive, pace), part="age of the scrub")
        return rest_s

    def _check_age(self, archive: Archive, pace: Pace) -> None:
        if time.monotonic() < self._check_age_at_s.get(archive.root, 0.0):
            return
        self._check_age_at_s[archive.root] = time.monotonic() + _REST_S
        oldest, subject = scrub_log.oldest(archive), str(archive.root)
        age = archive.now() - oldest.at if oldest else timedelta()
        if pace.is_late(age):
            self._alerts.raise_alert(LATE, subject, days=age.days, verify_interval_days=pace.interval.days)
        else:
            self._alerts.clear(LATE, subject)

    def _guarded(self, archive: Archive, act: Callable[[], float | None], *, part: str = "scrub") -> float | None:
        """Act on an archive; None when it is away or fails, which is logged once."""
        try:
            with self._using(archive) as may_use:
                done = act() if may_use else None
        except (ArchiveError, OSError) as exc:
            if self._faults.get(archive.root) != str(exc):
                log.error("scrub.stopped", archive=str(archive.root), reason=str(exc))
            self._faults[archive.root] = str(exc)
            return None
        except Exception as exc:
            self._tasks.add(part, str(archive.root), exc)
            return None
        self._faults.pop(archive.root, None)
        self._tasks.resolve(part, str(archive.root))
        return done

    def _report(self, archive: Archive, news: FindingChanges) -> None:
        for problem in news.found:
            subject = str(archive.root / problem.path)
            self._alerts.raise_alert(DAMAGED, subject, problem=problem.kind.value, message=problem.message)
        for path in news.cleared:
            self._alerts.clear(DAMAGED, str(archive.root / path))


def _paces(lanes: Iterable[Lane]) -> dict[Archive, Pace]:
    """Return the pace for each archive; archives that no lane wants scrubbed are omitted."""
    wanted: dict[Archive, list[Pace]] = {}
    for lane in lanes:
        if lane.archive and lane.config.verify_interval_days:
            interval = timedelta(days=lane.config.verify_interval_days)
            pace = Pace(interval=interval, bytes_per_s=lane.config.verify_rate_mb_s * _BYTES_PER_MB)
            wanted.setdefault(lane.archive, []).append(pace)
    return {archive: gentlest(paces) for archive, paces in wanted.items()}
