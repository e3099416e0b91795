"""The service's copies in the vault: each history is shipped at intervals, when much waits, and at the stop.

A vault may be away for long, or never answer. So each archive is shipped in a thread of its own, with a connection of its own.
No source waits for the vault. A stop waits as long as the vault answers, but no longer than a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.replica.progress import ShippedSegment
from pywats_archive.config import StationConfig
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import ArchiveError, VaultAway
from pywats_archive.host.settings.groups import read_vault_settings
from pywats_archive.pipeline.alerting.alerts import NOT_SHIPPED, VAULT_LATE, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks, delay_s
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.portable.processes import lower_thread_priority
from pywats_archive.replication.repair.putting import Repairing
from pywats_archive.replication.shipping import Shipping
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault
from pywats_archive.vault.store import Vault

log = structlog.get_logger()

_REST_S, _FIRST_AFTER_S = 5.0, 60.0
_REST_AFTER_REFUSAL_S = 300.0
_STOP_WITHIN_S, _SILENT_S = 60.0, 30.0
"""The longest wait of a stop for all copies, and for one step; a file server's disk may need ten seconds to start."""
_POLL_S = 0.1
_PROGRESS_WITHIN_S = 600.0
"""A thread without a step in this time counts as one without an answer."""
_BYTES_PER_MBIT = 125_000


@dataclass(kw_only=True)
class _State:
    """The job's state of one archive."""

    next_s: float
    """When it is shipped next, by the monotonic clock."""
    failures: int = 0
    failure: str = ""
    """Why the last try failed; empty if it did not."""
    round: _Round | None = None


class ShipJob:
    """Ships each archive in use if the configuration names a vault; ``step`` and ``end`` are never called at once."""

    def __init__(
        self,
        pool: ArchivePool,
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        station: Callable[[], StationConfig],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._alerts = alerts
        self._tasks = tasks
        self._station = station
        self._now_s = now_s
        self._states: dict[Path, _State] = {}

    def step(self) -> float:
        """Note the rounds that ended, and begin those that are due; returns the rest after it, in seconds."""
        self.require()
        is_wanted = bool(self._station().vault.vault_url)
        mounts = self._pool.mounts if is_wanted else ()
        for mount in mounts:
            self._tasks.run("vault", str(mount.root), lambda mount=mount: self._check(mount))  # type: ignore[misc]
        self._alerts.clear_others((NOT_SHIPPED, VAULT_LATE), {str(mount.root) for mount in mounts})
        return _REST_S

    def require(self) -> None:
        """Let nothing be purged that the vault has not confirmed, in each archive in use, if the configuration says so."""
        url = _required(self._station().vault)
        for mount in self._pool.mounts:
            archive = mount.archive
            if archive is not None and not archive.is_read_only:
                with self._pool.lease(archive) as may_use, suppress(ArchiveError):  # of an archive that goes away
                    if may_use and self._may_require(progress.required(archive), url):
                        progress.require(archive, url)

    def _may_require(self, known: str | None, url: str | None) -> bool:
        """Whether the configuration in force may end or replace the rule: not if a newer one, which others obey, differs."""
        if known in (None, url):
            return True
        try:
            return _required(read_vault_settings(self._station().path)) == url
        except ArchiveError:
            return False

    def end(self) -> None:
        """Ship all that waits, at an orderly stop; wait for the vault only while it answers, and never raise."""
        if not self._station().vault.vault_url:
            return
        until_s = self._now_s() + _STOP_WITHIN_S
        for mount in self._pool.mounts:
            if mount.archive is not None and not mount.archive.is_read_only:
                state = self._state_of(mount.root)
                if state.round and not state.round.is_alive():
                    _log(mount.root, state.round)
                    state.round = None
                if state.failure:  # it would probably fail again, and delay the stop
                    continue
                if state.round is None:
                    state.round = self._begun(mount.root, is_last=True)
        for mount in self._pool.mounts:
            state = self._state_of(mount.root)
            if state.round is None:
                continue
            reason = state.round.wait(until_s)
            _log(mount.root, state.round)
            if reason:
                log.warning("vault.not_shipped", archive=str(mount.root), reason=reason)

    def _state_of(self, root: Path) -> _State:
        if root not in self._states:
            self._states[root] = _State(next_s=self._now_s() + min(_FIRST_AFTER_S, self._interval_s))
        return self._states[root]

    @property
    def _interval_s(self) -> float:
        return float(self._station().vault.vault_interval_seconds)

    def _check(self, mount: ArchiveMount) -> None:
        archive = mount.archive
        if archive is None or archive.is_read_only:
            return
        state, settings = self._state_of(mount.root), self._station().vault
        if state.round and not state.round.is_alive():
            self._note(mount.root, state, state.round)
            state.round = None
        with self._pool.lease(archive) as may_use:
            if not may_use:
                return
            lag = progress.lag(archive, settings.vault_url)
            age = archive.now() - lag.oldest_at if lag.oldest_at else timedelta(0)
            is_unconfirmed = progress.is_confirmation_due(archive)
        self._judge(mount.root, state, lag, age)
        is_much = lag.size_bytes >= settings.segment_bytes and not state.failure
        is_due = self._now_s() >= state.next_s and (lag.events or is_unconfirmed)
        if state.round is None and (is_much or is_due):
            state.round = self._begun(mount.root)

    def _begun(self, root: Path, *, is_last: bool = False) -> _Round:
        begun = _Round(root, self._station().vault, self._now_s, is_last=is_last)
        begun.start()
        return begun

    def _note(self, root: Path, state: _State, ended: _Round) -> None:
        """Note how a round ended."""
        subject, failure = str(root), ended.failure
        _log(root, ended)
        if failure is None:
            state.failures, state.failure, state.next_s = 0, "", self._now_s() + self._interval_s
            self._alerts.clear(NOT_SHIPPED, subject)
            return
        state.failures, state.failure = state.failures + 1, _reason(failure)
        log.warning("vault.not_shipped", archive=subject, reason=_reason(failure))
        if isinstance(failure, VaultAway):
            state.next_s = self._now_s() + delay_s(state.failures)
            return
        state.next_s = self._now_s() + _REST_AFTER_REFUSAL_S
        self._alerts.raise_alert(NOT_SHIPPED, subject, reason=_reason(failure))

    def _judge(self, root: Path, state: _State, lag: progress.Lag, age: timedelta) -> None:
        """Raise an alert if events wait for too long, and no thread is catching up."""
        is_shipping = state.round is not None and self._now_s() - state.round.progressed_s < _PROGRESS_WITHIN_S
        if age <= self._station().vault.late_after:
            self._alerts.clear(VAULT_LATE, str(root))
        elif not is_shipping and (state.failure or state.round):
            reason = state.failure or "the vault does not answer"
            self._alerts.raise_alert(VAULT_LATE, str(root), reason=reason, last_event=lag.last)


def _log(root: Path, ended: _Round) -> None:
    """Log what a round shipped, in one line, and each file that it had to leave out."""
    subject = str(root)
    if ended.segments:
        log.info(
            "vault.shipped",
            archive=subject,
            segments=ended.segments,
            first_event=ended.first,
            last_event=ended.last,
            size_bytes=ended.size_bytes,
            seconds=round(ended.seconds, 1),
        )
    for path, why in ended.left_out.items():
        log.warning("vault.left_out", archive=subject, path=path, reason=why)


def _reason(failure: Exception) -> str:
    return str(failure) if isinstance(failure, (ArchiveError, OSError)) else repr(failure)


class _Round(threading.Thread):
    """Ships one archive until nothing waits; at low priority, unless it is the last one, for which the stop waits."""

    def __init__(self, root: Path, settings: VaultSettings, now_s: Callable[[], float], *, is_last: bool) -> None:
        super().__init__(name="vault", daemon=True)
        self._root = root
        self._settings = settings
        self._now_s = now_s
        self._is_last = is_last
        self._begun_s = now_s()
        self.progressed_s = now_s()
        """When the last step began, or when the rest after it ends."""
        self.failure: Exception | None = None
        self.segments = self.size_bytes = 0
        """How many segments were stored, and their size."""
        self.first = self.last = 0
        """The numbers of the first and last event in them."""
        self.seconds = 0.0
        """From the start of the round to the last segment."""
        self.left_out: dict[str, str] = {}

    def run(self) -> None:
        if not self._is_last:
            lower_thread_priority()
        try:
            vault = open_vault(self._settings, on_step=self._progress)
            marker.require(vault)  # a mistyped bucket or prefix may be one that others read
            with Archive.open(self._root) as archive:
                shipping = Shipping(archive, vault, limit_bytes=self._settings.segment_bytes, on_step=self._progress)
                began_s = self._now_s()
                for shipped in shipping.ship_all():
                    if shipped.is_new:
                        self._count(shipped.segment)
                    self.left_out |= shipped.left_out
                    self._rest(shipped.segment.size_bytes if shipped.is_new else 0, self._now_s() - began_s)
                    began_s = self._now_s()
                self._repair(archive, vault)
                if progress.is_confirmation_due(archive):
                    shipping.confirm()
        except Exception as exc:
            self.failure = exc

    def _count(self, segment: ShippedSegment) -> None:
        self.first, self.last = self.first or segment.first, segment.last
        self.segments, self.size_bytes = self.segments + 1, self.size_bytes + segment.size_bytes
        self.seconds = self._now_s() - self._begun_s

    def _repair(self, archive: Archive, vault: Vault) -> None:
        """Copy again what 'vault verify' found damaged."""
        limit = self._settings.segment_bytes
        for key in Repairing(archive, vault, limit_bytes=limit, on_step=self._progress).repair_noted():
            log.info("vault.repaired", archive=str(self._root), key=key)

    def wait(self, until_s: float) -> str | None:
        """Wait for the end, until ``until_s`` at most, and only while the vault answers; returns why not all was shipped."""
        while self.is_alive():
            now_s = self._now_s()
            if now_s - self.progressed_s >= _SILENT_S:
                return "the vault does not answer in time"
            if now_s >= until_s:
                return "not all could be copied within a minute; the rest follows after the next start"
            self.join(_POLL_S)
        return _reason(self.failure) if self.failure else None

    def _progress(self, _step: str) -> None:
        self.progressed_s = self._now_s()

    def _rest(self, size_bytes: int, took_s: float) -> None:
        """Keep to the greatest rate: a segment takes at least as long as it would at that rate."""
        if rate := self._settings.vault_max_mbit * _BYTES_PER_MBIT:
            rest_s = max(0.0, size_bytes / rate - took_s)
            self.progressed_s = self._now_s() + rest_s
            time.sleep(rest_s)


def _required(settings: VaultSettings) -> str | None:
    return settings.vault_url if settings.vault_required else None
