"""The service's retention: it enforces the policies, on schedule and when a limit is exceeded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive import figures, purging
from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError, NeedsConfirmation, PurgeRunning, RetentionHeldBack
from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Obstacle, PurgeStatistics
from pywats_archive.pipeline.alerting.alerts import DIFFERS, FAILING, HELD_BACK, NOT_REMOVED, UNCONFIRMED, UNMET, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.alerting.policies import check_differences, clear_confirmed
from pywats_archive.pipeline.alerting.thresholds import evaluate
from pywats_archive.pipeline.background.clock import ClockJob
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.retention import enforcing
from pywats_archive.retention.clock import Trust

log = structlog.get_logger()

Using = Callable[[Archive], AbstractContextManager[bool]]
"""Keeps an archive open inside, and yields whether it may be used."""
EVERY_S = 3600.0
"""How often each policy is enforced; one whose size limit is exceeded, at the next check."""
_CHECK_S, _QUIET_CHECK_S = 0.1, 1.0
"""Between two checks of the sizes, with and without other work; a limit may be exceeded by the sources of that time."""
REST = 2.0
"""The rest after each batch of a purge, in multiples of the batch's duration, while there is other work."""
_EVALUATE_EVERY_S = 15.0
_REST_AFTER_TROUBLE_S = 60.0
_RECLAIM_TAKES_AT_MOST_S = 60.0
_UNMET_FOR_S = 30.0
"""How long a limit may be exceeded, for entries that are still in processing, before that is an alert."""
_REST_OVER_WORK = 50.0
"""The rest after a purge that could not meet a limit, in multiples of its duration."""
_AN_HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class _ArchiveState:
    """The retention state of one open archive."""

    enforced_s: float = float("-inf")
    enforced_on: date | None = None
    evaluated_s: float = float("-inf")
    again_s: dict[str, float] = field(default_factory=dict)
    """When a policy that was not met may be tried again, by converter."""
    unmet_since_s: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    """Converters whose policy failed with an unexpected error: it is due again once the delay is over."""
    rest_until_s: float = float("-inf")
    """When the archive is checked again after a failure."""


class _Stopped(Exception):
    """The service is stopping: a purge ends after its current batch."""


_PART = "retention"
_PASSING = (_Stopped, ArchiveError, OSError)
"""Errors that concern the whole archive, and not one of its converters."""


class RetentionJob:
    """Enforces the policies of all open archives, one at a time, and evaluates their figures.

    Once ``stopping`` is set, a purge ends after its current batch.
    """

    def __init__(
        self,
        lanes: Iterable[Lane],
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        timekeeping: ClockJob,
        is_busy: Callable[[], bool],
        using: Using,
        stopping: threading.Event,
    ) -> None:
        self._lanes = lanes
        self._tasks = tasks
        self._alerts = alerts
        self._time = timekeeping
        self._is_busy = is_busy
        self._using = using
        self._stopping = stopping
        self._states: dict[Archive, _ArchiveState] = {}
        self._rounds = 0
        self._reclaims: dict[Path, tuple[float, bool]] = {}
        self._mutex = threading.Lock()

    def step(self) -> float:
        """Check each archive once; returns the rest after it, in seconds."""
        try:
            self._check_all()
        finally:
            self._rounds += 1
        return _CHECK_S if self._is_busy() else _QUIET_CHECK_S

    def end(self) -> None:
        """Store the elapsed time of each archive, after the last step."""
        for archive in self._states:
            self._time.save(archive)

    def reclaim(self, root: Path, is_low: bool) -> bool:
        """Request a purge because an archive's disk is low; True once that was tried, or is not needed."""
        now_s = time.monotonic()
        with self._mutex:
            if not is_low:
                self._reclaims.pop(root, None)
                return True
            since_s, is_tried = self._reclaims.setdefault(root, (now_s, False))
        return is_tried or now_s - since_s > _RECLAIM_TAKES_AT_MOST_S

    @property
    def is_idle(self) -> bool:
        """Whether each archive was checked once, and every request was tried."""
        with self._mutex:
            return self._rounds > 0 and all(is_tried for _, is_tried in self._reclaims.values())

    def _check_all(self) -> None:
        archives = list(dict.fromkeys(lane.archive for lane in self._lanes if lane.archive))
        self._states = {archive: self._states.get(archive) or _ArchiveState() for archive in archives}
        for archive, state in self._states.items():
            try:
                with self._using(archive) as may_use:
                    if may_use:
                        check = partial(self._check, archive, state)
                        self._tasks.run(_PART, str(archive.root), check, passing=_PASSING)
            except _Stopped:
                return
            except (ArchiveError, OSError) as exc:
                state.rest_until_s = time.monotonic() + _REST_AFTER_TROUBLE_S
                log.warning("retention.stopped", archive=str(archive.root), reason=str(exc))

    def _check(self, archive: Archive, state: _ArchiveState) -> None:
        now_s = time.monotonic()
        if now_s < state.rest_until_s:
            return
        trust = self._time.check(archive)
        self._enforce_what_is_due(archive, state, trust, now_s)
        if now_s - state.evaluated_s >= _EVALUATE_EVERY_S:
            state.evaluated_s = now_s
            self._evaluate(archive)

    def _enforce_what_is_due(self, archive: Archive, state: _ArchiveState, trust: Trust, now_s: float) -> None:
        today, is_asked = trust.now.date(), self._is_asked(archive.root)
        is_due = is_asked or now_s - state.enforced_s >= EVERY_S or state.enforced_on != today
        if is_due:
            state.enforced_s, state.enforced_on = now_s, today
            archive.policies.follow()
            if not trust.doubt:
                enforcing.confirm_small_policies(archive, now=trust.now)
        for name in archive.converter_names():
            is_its_turn = is_due or name in state.failed
            enforce = partial(self._enforce_if_due, archive, state, name, trust, now_s, is_due=is_its_turn)
            if self._tasks.run(_PART, name, enforce, passing=_PASSING):
                state.failed.discard(name)
            else:
                state.failed.add(name)
        if is_asked:
            with self._mutex:
                self._reclaims[archive.root] = (now_s, True)

    def _enforce_if_due(
        self, archive: Archive, state: _ArchiveState, name: str, trust: Trust, now_s: float, *, is_due: bool
    ) -> None:
        policy = archive.policies.effective(name)
        may_try = now_s >= state.again_s.get(name, float("-inf"))
        if is_due or (may_try and policy.enabled and purging.stored_size(archive, name)[0] > policy.max_size_bytes):
            self._enforce(archive, state, policy, trust)

    def _enforce(self, archive: Archive, state: _ArchiveState, policy: RetentionPolicy, trust: Trust) -> None:
        name, root = policy.converter_name, str(archive.root)
        began_s = time.monotonic()
        try:
            done = enforcing.enforce(archive, policy, pause=self._pause(), trust=trust, even_doubted=True)
        except PurgeRunning:
            return
        except NeedsConfirmation as exc:
            self._rest(state, name)
            self._alerts.raise_alert(UNCONFIRMED, name, reason=str(exc))
            return
        except RetentionHeldBack as exc:
            self._rest(state, name)
            self._alerts.raise_alert(HELD_BACK, root, reason=str(exc))
            return
        self._alerts.clear(UNCONFIRMED, name)
        self._alerts.clear(HELD_BACK, root)
        if done.not_removed:
            self._alerts.raise_alert(NOT_REMOVED, root, files=done.not_removed, first=done.first_not_removed)
        else:
            self._alerts.clear(NOT_REMOVED, root)
        self._report(state, done, took_s=time.monotonic() - began_s)

    def _report(self, state: _ArchiveState, done: PurgeStatistics, *, took_s: float) -> None:
        """Log a purge; a limit that is not met, for entries in processing, is tried again soon, with an alert if that lasts."""
        name, now_s = done.converter_name, time.monotonic()
        if done.archives_purged:
            log.info("entries.purged", converter=name, entries=done.archives_purged, bytes_freed=done.bytes_freed)
        if altered := done.kept.get(Obstacle.ALTERED.value):
            log.error(
                "purge.refused",
                converter=name,
                entries=altered,
                reason="their rows name paths that are not blobs of the archive; see 'pywats-archive verify'",
            )
        if not done.over_bytes:
            state.unmet_since_s.pop(name, None)
            self._alerts.clear(UNMET, name)
            return
        if not done.archives_purged:
            state.again_s[name] = now_s + max(1.0, _REST_OVER_WORK * took_s)
        if now_s - state.unmet_since_s.setdefault(name, now_s) >= _UNMET_FOR_S:
            self._alerts.raise_alert(UNMET, name, over_bytes=done.over_bytes, kept=done.kept)

    def _pause(self) -> Callable[[], None]:
        """Return a function to call between two batches: it rests longer than the batch took while there is other work."""
        began_s = time.monotonic()

        def pause() -> None:
            nonlocal began_s
            rest_s = REST * (time.monotonic() - began_s) if self._is_busy() else 0.0
            if self._stopping.wait(rest_s):
                raise _Stopped
            began_s = time.monotonic()

        return pause

    def _evaluate(self, archive: Archive) -> None:
        most = {lane.name: lane.config.alarm for lane in self._lanes if lane.archive is archive}
        failures = figures.recent_failures(archive, archive.now() - _AN_HOUR)
        known = figures.statistics(archive)
        for reading in evaluate(known, root=str(archive.root), recent_failures=failures, most_failures=most):
            if reading.is_wrong:
                self._alerts.raise_alert(reading.name, reading.subject, **reading.details)
            elif reading.is_wrong is False:
                self._alerts.clear(reading.name, reading.subject)
        check_differences(archive, most, self._alerts)
        clear_confirmed(archive, most, self._alerts)
        for alert in self._alerts.open:
            if alert.name in (FAILING, DIFFERS) and alert.subject not in {lane.name for lane in self._lanes}:
                self._alerts.clear(alert.name, alert.subject)  # its converter has no lane any longer

    def _is_asked(self, root: Path) -> bool:
        with self._mutex:
            return root in self._reclaims and not self._reclaims[root][1]

    @staticmethod
    def _rest(state: _ArchiveState, converter_name: str) -> None:
        state.again_s[converter_name] = time.monotonic() + _REST_AFTER_TROUBLE_S
