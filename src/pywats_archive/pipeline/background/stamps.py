"""The service's time stamps: an authority stamps the last anchor of each history, once an hour at most.

The authority may be away for long, or never answer: it is asked in a thread of its own, and nothing else waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.making import last_anchor
from pywats_archive.archive.anchors.timestamps import Query, add_answer, is_stored, newest_stamped, query_for
from pywats_archive.archive.core import Archive
from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError, ConfigError, NoTimeStamp
from pywats_archive.host.server.time_stamps import ask
from pywats_archive.pipeline.alerting.alerts import NOT_STAMPED, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.portable.files import read_small

log = structlog.get_logger()

_REST_S = 10.0
_REST_AFTER_FAILURE_S = 900.0
_INTERVAL = timedelta(hours=1)
_ANSWER_WITHIN_S = 30.0
_LOOK_S = 0.1


@dataclass(kw_only=True)
class _Stamping:
    """The job's state of one archive; a new one after the archive was away."""

    archive: Archive
    next_s: float
    """When the authority may be asked again, by the monotonic clock."""


class StampJob:
    """Gets a time stamp of the last anchor of each archive in use, if the configuration names an authority."""

    def __init__(
        self,
        pool: ArchivePool,
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        station: Callable[[], StationConfig],
        stopping: threading.Event,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._alerts = alerts
        self._tasks = tasks
        self._station = station
        self._stopping = stopping
        self._now_s = now_s
        self._asking: dict[Path, _Asking] = {}
        self._states: dict[Path, _Stamping] = {}

    def step(self) -> float:
        """Ask for the time stamps that are due; returns the rest after it, in seconds."""
        is_wanted = bool(self._station().time_stamps.time_stamp_url)
        mounts = self._pool.mounts if is_wanted else ()
        for mount in mounts:
            self._tasks.run("time stamps", str(mount.root), lambda mount=mount: self._check(mount))  # type: ignore[misc]
        self._alerts.clear_others((NOT_STAMPED,), {str(mount.root) for mount in mounts})
        return _REST_S

    def _check(self, mount: ArchiveMount) -> None:
        archive = mount.archive
        if archive is None or archive.is_read_only:
            return
        try:
            with self._pool.lease(archive) as may_use:
                due = self._due(archive) if may_use else None
            if due is None:
                return
            query = query_for(due)
            answer = self._answer(archive.root, query)
            if answer is None:
                return
            with self._pool.lease(archive) as may_use:
                if may_use:
                    self._store(archive, answer, query)
        except ArchiveError as exc:
            self._states[archive.root].next_s = self._now_s() + _REST_AFTER_FAILURE_S
            log.warning("timestamp.failed", archive=str(archive.root), reason=str(exc))
            self._alerts.raise_alert(NOT_STAMPED, str(archive.root), reason=str(exc))

    def _due(self, archive: Archive) -> Anchor | None:
        """Return the anchor to be stamped now; None if there is none."""
        state = self._states.get(archive.root)
        if state is None or state.archive is not archive:
            state = _Stamping(archive=archive, next_s=self._now_s() + _wait(archive).total_seconds())
            self._states[archive.root] = state
        if self._now_s() < state.next_s:
            return None
        anchor = last_anchor(archive)
        return None if anchor is None or is_stored(archive, anchor) else anchor

    def _answer(self, root: Path, query: Query) -> bytes | None:
        """Ask the authority; None if the service stops meanwhile. NoTimeStamp if there is no answer in time.

        While an earlier request waits, no second one is made.
        """
        asking = self._asking.get(root)
        if asking is None or not asking.is_alive():
            self._asking[root] = asking = _Asking(self._station().time_stamps.time_stamp_url, query)
            asking.start()
        until_s = time.monotonic() + _ANSWER_WITHIN_S
        while asking.is_alive() and time.monotonic() < until_s:
            if self._stopping.wait(_LOOK_S):
                return None
        if asking.is_alive() or asking.query is not query:
            raise NoTimeStamp("the time stamp authority does not answer; it is asked again later")
        if asking.failure:
            raise asking.failure
        return asking.answer

    def _store(self, archive: Archive, answer: bytes, query: Query) -> None:
        made = add_answer(archive, answer, roots=self._authorities(), query=query)
        self._states[archive.root].next_s = self._now_s() + _INTERVAL.total_seconds()
        self._alerts.clear(NOT_STAMPED, str(archive.root))
        log.info("timestamp.stored", archive=str(archive.root), last_event=made.anchor.event, time=made.at.isoformat())

    def _authorities(self) -> list[bytes]:
        path = self._station().time_stamps.time_stamp_certificates
        try:
            return [read_small(Path(path))] if path else []
        except OSError as exc:
            raise ConfigError(f"{path}: cannot be read ({exc.strerror or exc}); check time_stamp_certificates") from exc


class _Asking(threading.Thread):
    """Asks the authority once."""

    def __init__(self, address: str, query: Query) -> None:
        super().__init__(name="time stamp", daemon=True)
        self.query = query
        self.answer: bytes | None = None
        self.failure: ArchiveError | None = None
        self._address = address

    def run(self) -> None:
        try:
            self.answer = ask(self._address, self.query.content, timeout_s=_ANSWER_WITHIN_S)
        except ArchiveError as exc:
            self.failure = NoTimeStamp(f"the time stamp authority returned no time stamp: {exc}")
        except Exception as exc:
            self.failure = NoTimeStamp(f"the time stamp authority could not be asked ({type(exc).__name__}: {exc})")


def _wait(archive: Archive) -> timedelta:
    """Return how long to wait after a start: an hour after the last stamped anchor, also across restarts."""
    last = newest_stamped(archive)
    age = archive.now() - last if last else _INTERVAL
    return _INTERVAL - age if timedelta(0) <= age < _INTERVAL else timedelta(0)
