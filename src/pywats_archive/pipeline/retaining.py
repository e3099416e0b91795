"""The service's retention: a thread that purges what the policies name, on schedule and when a limit is passed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive import figures, purging
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError, NeedsConfirmation, PurgeRunning, RetentionHeldBack
from pywats_archive.models.policy import RetentionPolicy
from pywats_archive.models.purge import Obstacle, PurgeStatistics
from pywats_archive.pipeline.alerts import DIFFERS, FAILING, HELD_BACK, NOT_REMOVED, UNCONFIRMED, UNMET, Alerts
from pywats_archive.pipeline.differing import tell_differences
from pywats_archive.pipeline.judging import judge
from pywats_archive.pipeline.line import Line
from pywats_archive.pipeline.parts import Parts
from pywats_archive.pipeline.timekeeping import Timekeeping
from pywats_archive.retention import enforcing
from pywats_archive.retention.clock import Trust

log = structlog.get_logger()

Using = Callable[[Archive], AbstractContextManager[bool]]
"""Keeps an archive open meanwhile, and tells whether it may be used."""
EVERY_S = 3600.0
"""How often every policy is enforced; one whose size limit is passed, at the next look."""
_LOOK_S, _QUIET_LOOK_S = 0.1, 1.0
"""Between two looks at the sizes, while there is work: what comes in between is what a limit may be passed by."""
REST = 2.0
"""How many times as long as a batch of a purge the rest after it is, while there is other work."""
_JUDGE_S = 15.0
_REST_AFTER_TROUBLE_S = 60.0
_RELIEF_TAKES_AT_MOST_S = 60.0
_UNMET_FOR_S = 30.0
"""How long a limit may not be met, as what is above it is still on its way, before that is an alert."""
_REST_OVER_WORK = 50.0
"""How many times longer than a try that met no limit took the next one waits."""
_AN_HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class _Watched:
    """What the thread remembers of one archive while it is open."""

    enforced_s: float = float("-inf")
    enforced_on: date | None = None
    judged_s: float = float("-inf")
    again_s: dict[str, float] = field(default_factory=dict)
    """When a converter's policy may be tried again that could not do all it should."""
    unmet_since_s: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    """Converters whose policy met an error that nobody foresaw: it is due again as soon as it may be."""
    rest_until_s: float = float("-inf")
    """The archive is left alone until then, after a failure."""


class _Stopped(Exception):
    """The service is told to stop: a purge ends after the batch that it is at."""


_PART = "retention"
_PASSING = (_Stopped, ArchiveError, OSError)
"""What concerns the archive, and not one of its converters."""


class Retaining:
    """Enforces the policies of all open archives until it is closed, one at a time, and judges their figures."""

    def __init__(
        self,
        lines: Callable[[], Sequence[Line]],
        alerts: Alerts,
        *,
        parts: Parts,
        timekeeping: Timekeeping,
        is_busy: Callable[[], bool],
        using: Using,
    ) -> None:
        self._lines = lines
        self._parts = parts
        self._alerts = alerts
        self._time = timekeeping
        self._is_busy = is_busy
        self._using = using
        self._stopping = threading.Event()
        self._watched: dict[Archive, _Watched] = {}
        self._rounds = 0
        self._relief: dict[Path, tuple[float, bool]] = {}
        self._mutex = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="retention")
        self._thread.start()

    def close(self) -> None:
        """Stop after the batch that is being purged."""
        self._stopping.set()
        self._thread.join()
        for archive in self._watched:
            self._time.leave(archive)

    def relieve(self, root: Path, is_low: bool) -> bool:
        """Have the policies enforced because an archive's disk is low; True once that was tried, or there is room."""
        now_s = time.monotonic()
        with self._mutex:
            if not is_low:
                self._relief.pop(root, None)
                return True
            since_s, is_tried = self._relief.setdefault(root, (now_s, False))
        return is_tried or now_s - since_s > _RELIEF_TAKES_AT_MOST_S

    @property
    def is_settled(self) -> bool:
        """Tell whether all was looked at once, and what was asked for is done."""
        with self._mutex:
            return self._rounds > 0 and all(is_tried for _, is_tried in self._relief.values())

    def _run(self) -> None:
        rest_s = 0.0
        while not self._stopping.wait(rest_s):
            try:
                if not self._look_at_all():
                    return
            except Exception:  # the thread goes on whatever happens
                log.exception("service.unexpected")
            self._rounds += 1
            rest_s = _LOOK_S if self._is_busy() else _QUIET_LOOK_S

    def _look_at_all(self) -> bool:
        """Look at each archive; False once the service is told to stop."""
        archives = list(dict.fromkeys(line.archive for line in self._lines() if line.archive))
        self._watched = {archive: self._watched.get(archive) or _Watched() for archive in archives}
        for archive, watched in self._watched.items():
            try:
                with self._using(archive) as may_use:
                    if may_use:
                        look = partial(self._look, archive, watched)
                        self._parts.run(_PART, str(archive.root), look, passing=_PASSING)
            except _Stopped:
                return False
            except (ArchiveError, OSError) as exc:
                watched.rest_until_s = time.monotonic() + _REST_AFTER_TROUBLE_S
                log.warning("retention.stopped", archive=str(archive.root), reason=str(exc))
        return True

    def _look(self, archive: Archive, watched: _Watched) -> None:
        now_s = time.monotonic()
        if now_s < watched.rest_until_s:
            return
        trust = self._time.look(archive)
        self._enforce_what_is_due(archive, watched, trust, now_s)
        if now_s - watched.judged_s >= _JUDGE_S:
            watched.judged_s = now_s
            self._judge(archive)

    def _enforce_what_is_due(self, archive: Archive, watched: _Watched, trust: Trust, now_s: float) -> None:
        today, is_asked = trust.now.date(), self._is_asked(archive.root)
        is_due = is_asked or now_s - watched.enforced_s >= EVERY_S or watched.enforced_on != today
        if is_due:
            watched.enforced_s, watched.enforced_on = now_s, today
            archive.policies.follow()
            if not trust.doubt:
                enforcing.agree_to_small_ones(archive, now=trust.now)
        for name in archive.converter_names():
            is_its_turn = is_due or name in watched.failed
            enforce = partial(self._enforce_if_due, archive, watched, name, trust, now_s, is_due=is_its_turn)
            if self._parts.run(_PART, name, enforce, passing=_PASSING):
                watched.failed.discard(name)
            else:
                watched.failed.add(name)
        if is_asked:
            with self._mutex:
                self._relief[archive.root] = (now_s, True)

    def _enforce_if_due(
        self, archive: Archive, watched: _Watched, name: str, trust: Trust, now_s: float, *, is_due: bool
    ) -> None:
        policy = archive.policies.effective(name)
        may_try = now_s >= watched.again_s.get(name, float("-inf"))
        if is_due or (may_try and policy.enabled and purging.kept_size(archive, name)[0] > policy.max_size_bytes):
            self._enforce(archive, watched, policy, trust)

    def _enforce(self, archive: Archive, watched: _Watched, policy: RetentionPolicy, trust: Trust) -> None:
        name, root = policy.converter_name, str(archive.root)
        began_s = time.monotonic()
        try:
            done = enforcing.enforce(archive, policy, pause=self._pause(), trust=trust, even_doubted=True)
        except PurgeRunning:
            return
        except NeedsConfirmation as exc:
            self._rest(watched, name)
            self._alerts.raise_alert(UNCONFIRMED, name, reason=str(exc))
            return
        except RetentionHeldBack as exc:
            self._rest(watched, name)
            self._alerts.raise_alert(HELD_BACK, root, reason=str(exc))
            return
        self._alerts.clear(UNCONFIRMED, name)
        self._alerts.clear(HELD_BACK, root)
        if done.not_removed:
            self._alerts.raise_alert(NOT_REMOVED, root, files=done.not_removed, first=done.first_not_removed)
        else:
            self._alerts.clear(NOT_REMOVED, root)
        self._tell(watched, done, took_s=time.monotonic() - began_s)

    def _tell(self, watched: _Watched, done: PurgeStatistics, *, took_s: float) -> None:
        """Tell what was done; a limit that is not met for what is on its way is tried again soon, and told when that lasts."""
        name, now_s = done.converter_name, time.monotonic()
        if done.archives_purged:
            log.info("entries.purged", converter=name, entries=done.archives_purged, bytes_freed=done.bytes_freed)
        if altered := done.kept.get(Obstacle.ALTERED.value):
            log.error("purge.refused", converter=name, entries=altered, reason="rows name what are no places of blobs")
        if not done.over_bytes:
            watched.unmet_since_s.pop(name, None)
            self._alerts.clear(UNMET, name)
            return
        if not done.archives_purged:
            watched.again_s[name] = now_s + max(1.0, _REST_OVER_WORK * took_s)
        if now_s - watched.unmet_since_s.setdefault(name, now_s) >= _UNMET_FOR_S:
            self._alerts.raise_alert(UNMET, name, over_bytes=done.over_bytes, kept=done.kept)

    def _pause(self) -> Callable[[], None]:
        """Give what is done between two batches: a rest, longer than the batch took, while there is other work."""
        began_s = time.monotonic()

        def pause() -> None:
            nonlocal began_s
            rest_s = REST * (time.monotonic() - began_s) if self._is_busy() else 0.0
            if self._stopping.wait(rest_s):
                raise _Stopped
            began_s = time.monotonic()

        return pause

    def _judge(self, archive: Archive) -> None:
        most = {line.name: line.config.alarm for line in self._lines() if line.archive is archive}
        failures = figures.recent_failures(archive, archive.now() - _AN_HOUR)
        known = figures.statistics(archive)
        for verdict in judge(known, root=str(archive.root), recent_failures=failures, most_failures=most):
            if verdict.is_wrong:
                self._alerts.raise_alert(verdict.name, verdict.subject, **verdict.details)
            elif verdict.is_wrong is False:
                self._alerts.clear(verdict.name, verdict.subject)
        tell_differences(archive, most, self._alerts)
        for alert in self._alerts.open:
            if alert.name in (FAILING, DIFFERS) and alert.subject not in {line.name for line in self._lines()}:
                self._alerts.clear(alert.name, alert.subject)  # its converter is not run any more

    def _is_asked(self, root: Path) -> bool:
        with self._mutex:
            return root in self._relief and not self._relief[root][1]

    @staticmethod
    def _rest(watched: _Watched, converter_name: str) -> None:
        watched.again_s[converter_name] = time.monotonic() + _REST_AFTER_TROUBLE_S
