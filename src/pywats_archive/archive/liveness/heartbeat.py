"""The heartbeat of a service in each of its archives: a small file whose time is the last sign of the main loop.

It is neither fsynced nor a row: a sign costs one system call, and works on a full disk.
"""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout, ownership
from pywats_archive.archive.folder.ownership import is_owned
from pywats_archive.errors import ArchiveError
from pywats_archive.models.operation.service import Beat, ServiceStatus, service_status
from pywats_archive.models.time import UTC, Clock, utc_now
from pywats_archive.portable import names

BEAT_EVERY_S = 5.0


class Heartbeat:
    """The signs of life of one service in one archive; used from one thread."""

    def __init__(self, archive: Archive, *, clock: Clock = utc_now) -> None:
        self._archive = archive
        self._path = archive.root / layout.HEARTBEAT
        self._now = clock
        self._next_s = float("-inf")
        self._is_written = False

    def beat(self, now_s: float) -> None:
        """Leave a sign, every few seconds at most; failures are ignored. ``now_s`` is of a monotonic clock."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + BEAT_EVERY_S
        with suppress(OSError, ArchiveError):
            if not self._is_written or not self._path.exists():
                self._archive.require_present()  # do not create it elsewhere
                ownership.write_note(self._path)
                self._is_written = True
            moment_ns = int(self._now().timestamp() * 1e9)
            os.utime(self._path, ns=(moment_ns, moment_ns))

    def end(self) -> None:
        """Remove the sign: the service ended in order. Idempotent."""
        with suppress(OSError):
            names.unlink(self._path, missing_ok=True)


def status_of(root: Path, *, now: datetime) -> ServiceStatus:
    """Return whether a service works on the archive at ``root``, without opening it; changes nothing."""
    owned = False
    with suppress(ArchiveError, OSError):  # a read-only medium has no lock
        owned = (root / layout.LOCK).exists() and is_owned(root)
    return service_status(
        root,
        is_owned=owned,
        owner=ownership.author_of(root / layout.OWNER) if owned else None,
        beat=_beat_in(root / layout.HEARTBEAT),
        computer=platform.node(),
        now=now,
    )


def _beat_in(path: Path) -> Beat | None:
    by = ownership.author_of(path)
    with suppress(OSError):
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=path.stat().st_mtime_ns // 1000)
        return Beat(by=by, at=at) if by else None
    return None
