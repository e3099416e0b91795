"""The service's anchors: the head of each history is signed at intervals and at the stop, and written elsewhere.

No failure here delays or stops the archiving of sources.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from pywats_archive.archive.anchors.anchor import Anchor
from pywats_archive.archive.anchors.making import distribute, is_anchored, last_anchor, make
from pywats_archive.archive.anchors.signing import KEY_FILE, Signer, load_signer
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.pipeline.alerting.alerts import NOT_ANCHORED, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool

log = structlog.get_logger()

_REST_S = 10.0
_REST_AFTER_FAILURE_S = 900.0
_ANSWER_WITHIN_S, _STOP_WITHIN_S = 20.0, 25.0
"""The longest wait for a folder, and of a stop for the last anchors; a file server's disk may need ten seconds to start."""
_FIRST_AFTER = timedelta(minutes=1)
"""When an archive without an anchor gets its first one."""


@dataclass(kw_only=True)
class _Anchored:
    """The job's state of one archive; a new one after the archive was away."""

    archive: Archive
    last: Anchor | None
    next_s: float
    """When the next anchor is due, by the monotonic clock: steps of the station's clock do not matter."""
    missing: dict[Path, float] = field(default_factory=dict)
    """The folders without the last anchor, and when each is tried again."""


class AnchorJob:
    """Signs the head of each archive in use; ``step`` and ``end`` are never called at once."""

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
        self._signer: Signer | None = None
        self._writers: dict[Path, _Writer] = {}
        self._anchored: dict[Path, _Anchored] = {}

    def step(self) -> float:
        """Make the anchors that are due; returns the rest after it, in seconds."""
        for mount in self._pool.mounts:
            self._tasks.run("anchors", str(mount.root), lambda mount=mount: self._check(mount))  # type: ignore[misc]
        self._clear_former()
        return _REST_S

    def end(self) -> None:
        """Anchor what happened since the last one, at an orderly stop; waits a little for the folders, and never raises."""
        waiting = threading.Thread(target=self._end, name="last anchors", daemon=True)
        waiting.start()
        waiting.join(_STOP_WITHIN_S)
        if waiting.is_alive():
            log.warning("anchor.not_written", reason="a folder does not answer", within_s=_STOP_WITHIN_S)

    def _end(self) -> None:
        for mount in self._pool.mounts:
            try:
                self._check(mount, is_last=True)
            except Exception as exc:
                log.warning("anchor.not_written", archive=str(mount.root), reason=str(exc))

    def _check(self, mount: ArchiveMount, *, is_last: bool = False) -> None:
        archive = mount.archive
        if archive is None or archive.is_read_only:
            return
        with self._pool.lease(archive) as may_use:
            if not may_use:
                return
            try:
                state = self._state_of(archive)
                if is_last or self._now_s() >= state.next_s:
                    self._anchor(state)
                self._write_missing(state, even_early=is_last)
            except ArchiveError as exc:
                self._note_failure(archive, archive.root, str(exc))

    def _state_of(self, archive: Archive) -> _Anchored:
        state = self._anchored.get(archive.root)
        if state is None or state.archive is not archive:
            last = last_anchor(archive)
            if last:
                archive.carried_anchor = last.carried()
            due_in = _due_in(last.at if last else None, archive.now(), self._interval)
            lacking = dict.fromkeys(self._station().anchor_folders, 0.0)  # perhaps: an earlier process may have failed
            next_s = self._now_s() + due_in.total_seconds()
            state = _Anchored(archive=archive, last=last, next_s=next_s, missing=lacking)
            self._anchored[archive.root] = state
        return state

    @property
    def _interval(self) -> timedelta:
        return timedelta(hours=self._station().anchor_interval_hours)

    def _anchor(self, state: _Anchored) -> None:
        """Sign the head, unless it is signed already."""
        archive, folders = state.archive, self._station().anchor_folders
        state.next_s = self._now_s() + self._interval.total_seconds()
        if is_anchored(archive, state.last):
            return
        signer = self._key()
        if signer is None:
            state.next_s = self._now_s() + min(_REST_AFTER_FAILURE_S, self._interval.total_seconds())
            return
        made = make(archive, signer)
        state.last, state.missing = made.anchor, dict.fromkeys(folders, 0.0)
        for failure in made.failures:
            self._note_failure(archive, failure.place, failure.reason)
        if not made.failures:
            self._alerts.clear(NOT_ANCHORED, str(archive.root))
            self._alerts.clear(NOT_ANCHORED, str(archive.root / layout.ANCHORS))
        log.info("anchor.made", archive=str(archive.root), last_event=made.anchor.event, hash=made.anchor.hash)

    def _write_missing(self, state: _Anchored, *, even_early: bool) -> None:
        """Write the last anchor into the folders that lack it."""
        now_s = self._now_s()
        due = [folder for folder, again_s in state.missing.items() if even_early or again_s <= now_s]
        if state.last is None or not due:
            return
        failed = self._write(state.last, due)
        for folder in due:
            if folder in failed:
                state.missing[folder] = now_s + _REST_AFTER_FAILURE_S
                self._note_failure(state.archive, folder, failed[folder])
            else:
                del state.missing[folder]
                self._alerts.clear(NOT_ANCHORED, str(folder))

    def _clear_former(self) -> None:
        """Clear alerts on folders that the configuration no longer names."""
        station, roots = self._station(), [mount.root for mount in self._pool.mounts]
        places = {*station.anchor_folders, station.path.parent / KEY_FILE, *roots}
        places |= {root / layout.ANCHORS for root in roots}
        self._alerts.clear_others((NOT_ANCHORED,), set(map(str, places)))

    def _write(self, anchor: Anchor, folders: Sequence[Path]) -> dict[Path, str]:
        """Write an anchor into these folders at once; returns why it is not in some.

        A share that is away may never answer, so each folder has a thread of its own, and no second one while that waits.
        """
        failed: dict[Path, str] = {}
        for folder in folders:
            writer = self._writers.get(folder)
            if writer is None or not writer.is_alive():
                self._writers[folder] = writer = _Writer(anchor, folder)
                writer.start()
        until_s = time.monotonic() + _ANSWER_WITHIN_S
        for folder in folders:
            writer = self._writers[folder]
            writer.join(max(0.0, until_s - time.monotonic()))
            if writer.is_alive():
                failed[folder] = f"{folder}: does not answer; check its disk or share"
            elif writer.failure or writer.anchor is not anchor:
                failed[folder] = writer.failure or f"{folder}: has an earlier anchor only"
        return failed

    def _key(self) -> Signer | None:
        """Return the signing key; None with an alert if it cannot be used."""
        path = self._station().path.parent / KEY_FILE
        if self._signer is None:
            try:
                self._signer = load_signer(path.parent)
            except ArchiveError as exc:
                self._alerts.raise_alert(NOT_ANCHORED, str(path), reason=str(exc))
                return None
        self._alerts.clear(NOT_ANCHORED, str(path))
        return self._signer

    def _note_failure(self, archive: Archive, place: Path, reason: str) -> None:
        log.warning("anchor.not_written", archive=str(archive.root), path=str(place), reason=reason)
        self._alerts.raise_alert(NOT_ANCHORED, str(place), reason=reason)


class _Writer(threading.Thread):
    """Writes one anchor into one folder."""

    def __init__(self, anchor: Anchor, folder: Path) -> None:
        super().__init__(name="anchor", daemon=True)
        self.anchor = anchor
        self.failure: str | None = None
        self._folder = folder

    def run(self) -> None:
        _, failures = distribute(self.anchor, [self._folder])
        self.failure = failures[0].reason if failures else None


def _due_in(last: datetime | None, now: datetime, interval: timedelta) -> timedelta:
    """Return when the first anchor after a start is due: an interval after the last one, whenever that was made.

    One from the future was made while the clock was wrong, so that one is due now.
    """
    if last is None:
        return min(interval, _FIRST_AFTER)
    return max(timedelta(0), interval - (now - last)) if last <= now else timedelta(0)
