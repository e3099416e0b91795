"""The health of each archive's disk and folder, checked once a second.

An archive that is away is closed once all work with it has ended, and opened again when it is back. No other archive is
created in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveAway, ArchiveError
from pywats_archive.pipeline.alerting.alerts import ARCHIVE_AWAY, DISK_FULL, DISK_LOW, Alerts
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool

log = structlog.get_logger()

OPEN_AGAIN_EVERY_S = 5.0


class MountMonitor:
    """Checks the mounts in use, from the service's own thread.

    ``is_attached`` says whether all lanes of a mount have its archive: another converter's leftovers may have opened it.
    ``on_attached`` is called with a mount and its open archive, before work begins; ``on_detached`` after an archive was
    closed; ``on_ready`` when a mount can take sources again.
    """

    def __init__(
        self,
        pool: ArchivePool,
        alerts: Alerts,
        tasks: IsolatedTasks,
        *,
        is_attached: Callable[[ArchiveMount], bool],
        on_attached: Callable[[ArchiveMount, Archive], None],
        on_detached: Callable[[ArchiveMount], None],
        on_ready: Callable[[ArchiveMount], None],
    ) -> None:
        self._pool = pool
        self._alerts = alerts
        self._tasks = tasks
        self._is_attached = is_attached
        self._on_attached = on_attached
        self._on_detached = on_detached
        self._on_ready = on_ready
        self._open_again_at_s: dict[Path, float] = {}
        self._failures: dict[Path, ArchiveError] = {}
        self._in_trouble: set[Path] = set()

    def check(self, now_s: float) -> None:
        """Check every mount in use; ``now_s`` is of a monotonic clock."""
        for mount in self._pool.mounts:
            if mount.is_used:
                self._tasks.run("archive", str(mount.root), partial(self._check, mount, now_s))

    def note_failure(self, mount: ArchiveMount | None, trouble: ArchiveError, *, converter: str) -> None:
        """Let an archive whose catalog fails be closed and opened again, as a share that was away for a moment needs."""
        if mount and mount.away is None:
            log.error("archive.unreadable", converter=converter, reason=str(trouble))
            self._failures[mount.root] = trouble

    def _check(self, mount: ArchiveMount, now_s: float) -> None:
        if mount.archive and not self._check_presence(mount, mount.archive):
            return
        if mount.archive and self._is_attached(mount):
            self._check_disk(mount, mount.archive)
        else:
            self._bring_back(mount, now_s)

    def _check_presence(self, mount: ArchiveMount, archive: Archive) -> bool:
        """Close an archive that is away or failing, once all work with it has ended; returns whether it can be used."""
        root = str(mount.root)
        trouble = self._trouble_of(mount, archive)
        if trouble is None:
            if self._is_attached(mount):
                mount.resume()
                self._alerts.clear(ARCHIVE_AWAY, root)
            return True
        mount.pause(trouble)  # pauses before it says away: a thread that sees the archive away must not begin work
        if mount.leases.is_idle:
            self._failures.pop(mount.root, None)
            self._pool.detach(mount)
            self._on_detached(mount)
            mount.resume(trouble)
        self._alerts.raise_alert(ARCHIVE_AWAY, root, reason=str(trouble))
        return False

    def _trouble_of(self, mount: ArchiveMount, archive: Archive) -> ArchiveError | None:
        try:
            archive.require_present()
        except ArchiveAway as exc:
            return exc
        return self._failures.get(mount.root)

    def _bring_back(self, mount: ArchiveMount, now_s: float) -> None:
        """Open an archive that is back, once no work of its lanes is running; otherwise raise an alert with the reason."""
        was, root = mount.away, str(mount.root)
        try:
            if mount.archive is None:
                self._pool.require_back(mount.root)
            if now_s < self._open_again_at_s.get(mount.root, now_s):
                return
            mount.pause()
            if not mount.leases.is_idle:
                return
            self._on_attached(mount, self._pool.attach(mount))
        except ArchiveError as exc:
            self._open_again_at_s[mount.root] = now_s + OPEN_AGAIN_EVERY_S
            if mount.archive:
                self._pool.detach(mount)
                self._on_detached(mount)
            mount.resume(exc)
            self._alerts.raise_alert(ARCHIVE_AWAY, root, reason=str(exc))
            return
        mount.resume()
        self._alerts.clear(ARCHIVE_AWAY, root)
        log.warning("archive.back", root=root, was=str(was))
        self._on_ready(mount)

    def _check_disk(self, mount: ArchiveMount, archive: Archive) -> None:
        try:
            archive.reserve.allocate()
        except ArchiveError:  # it went away a moment ago
            return
        full, low = archive.reserve.trouble(), mount.disk.trouble()
        self._set(DISK_FULL, mount.root, full)
        if not mount.disk.is_reclaiming:
            self._set(DISK_LOW, mount.root, low)
        if full or low:
            self._in_trouble.add(mount.root)
        elif mount.root in self._in_trouble:
            self._in_trouble.discard(mount.root)
            self._on_ready(mount)

    def _set(self, name: str, root: Path, trouble: ArchiveError | None) -> None:
        if trouble:
            self._alerts.raise_alert(name, str(root), reason=str(trouble))
        else:
            self._alerts.clear(name, str(root))
