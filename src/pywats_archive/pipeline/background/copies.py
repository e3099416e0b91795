"""The service's copies of the catalogs: daily, into each archive and into the backup folder."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import structlog

from pywats_archive.archive import backups
from pywats_archive.archive.copies import plan
from pywats_archive.archive.copies.making import Copied, Target, Wanted
from pywats_archive.archive.copies.place import CopyPlace
from pywats_archive.archive.copies.plan import EVERY, FIRST_AFTER, CatalogCopy, is_due
from pywats_archive.archive.core import Archive
from pywats_archive.config.free_space import least_free_bytes
from pywats_archive.errors import ArchiveError, StorageError
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.alerts import NOT_COPIED, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool

log = structlog.get_logger()

_REST_S = 60.0
_REST_AFTER_FAILURE_S = 900.0
_ALERT_AFTER = timedelta(days=1)
"""How long a copy may be due before that is an alert."""


class Stopped(Exception):
    """The service is stopping: a copy is abandoned."""


class CopyJob:
    """Copies the catalog of each archive in use when a copy is due."""

    def __init__(
        self,
        pool: ArchivePool,
        alerts: Alerts,
        *,
        tasks: IsolatedTasks,
        backup_folder: Callable[[], Path | None],
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        self._pool = pool
        self._alerts = alerts
        self._tasks = tasks
        self._backup_folder = backup_folder
        self._stopping = stopping
        self._began = clock()
        self._again_s: dict[Path, float] = {}
        self._failures: dict[Path, str] = {}
        self.is_idle = False
        """Whether what was due at the start is copied, or cannot be copied now."""

    def step(self) -> float:
        """Copy what is due; returns the rest after it, in seconds."""
        try:
            return self._copy_all()
        finally:
            self.is_idle = True

    def _copy_all(self) -> float:
        for mount in self._pool.mounts:
            archive = mount.archive
            if archive is None or self._stopping.is_set():
                continue
            try:
                with self._pool.lease(archive) as may_use:
                    if may_use and not archive.is_read_only:
                        self._copy_due(mount, archive)
                self._tasks.resolve("catalog copies", str(mount.root))
            except Stopped:
                break
            except (ArchiveError, OSError) as exc:
                self._note_failure(archive, mount.root, str(exc))
            except Exception as exc:
                self._tasks.add("catalog copies", str(mount.root), exc)
        return _REST_S

    def _copy_due(self, mount: ArchiveMount, archive: Archive) -> None:
        targets = list(self._targets(mount, archive))
        due = [target for target in targets if self._needs_copy(archive, target.place)]
        wanted = Wanted(
            archive_uuid=archive.description.archive_uuid, at=archive.now(), may_continue=self._require_running
        )
        for done in backups.make(archive, due, wanted) if due else ():
            self._report(archive, done)
        self._check_late(archive, [target.place for target in targets])

    def _targets(self, mount: ArchiveMount, archive: Archive) -> Iterator[Target]:
        least = least_free_bytes(shutil.disk_usage(archive.root).total, mount.disk.min_free_gb)
        for place in backups.places(archive, self._backup_folder()):
            yield Target(place=place, least_free_bytes=least if _is_on_disk_of(archive.root, place.root) else 0)

    def _needs_copy(self, archive: Archive, place: CopyPlace) -> bool:
        """Return whether a copy is due; a place that cannot be listed is noted as a failure, and does not stop the others."""
        try:
            return self._is_due(archive, place)
        except StorageError as exc:
            self._note_failure(archive, place.path, str(exc))
            return False

    def _is_due(self, archive: Archive, place: CopyPlace) -> bool:
        if time.monotonic() < self._again_s.get(place.path, 0.0):
            return False
        first = backups.first_entry(archive)
        return is_due(place.copies(), first_entry=first, began=self._began, now=archive.now())

    def _require_running(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _report(self, archive: Archive, done: Copied) -> None:
        if done.failure:
            self._note_failure(archive, done.path, done.failure)
            return
        self._failures.pop(done.path.parent, None)
        self._alerts.clear(NOT_COPIED, str(done.path.parent))
        log.info(
            "catalog.copied",
            archive=str(archive.root),
            path=str(done.path),
            size_bytes=done.size_bytes,
            entries=done.state.entries if done.state else None,
            last_event=done.state.last_sequence if done.state else None,
        )

    def _note_failure(self, archive: Archive, folder: Path, reason: str) -> None:
        self._again_s[folder] = time.monotonic() + _REST_AFTER_FAILURE_S
        if self._failures.get(folder) != reason:
            log.warning("catalog.not_copied", archive=str(archive.root), path=str(folder), reason=reason)
        self._failures[folder] = reason

    def _check_late(self, archive: Archive, places: list[CopyPlace]) -> None:
        """Raise the alert of a place that has had no copy for a day longer than it should."""
        for place in places:
            reason = self._failures.get(place.path)
            if reason is None:
                continue
            newest = plan.newest(_listed(place), now=archive.now())
            first = backups.first_entry(archive)
            due_at = newest.at + EVERY if newest else (first + FIRST_AFTER if first else None)
            if due_at and archive.now() - due_at >= _ALERT_AFTER:
                last = newest.at.isoformat() if newest else None
                self._alerts.raise_alert(NOT_COPIED, str(place.path), reason=reason, last_copy=last)


def _is_on_disk_of(root: Path, other: Path) -> bool:
    try:
        return root.stat().st_dev == other.stat().st_dev
    except OSError:
        return False


def _listed(place: CopyPlace) -> tuple[CatalogCopy, ...]:
    try:
        return tuple(place.copies())
    except StorageError:
        return ()
