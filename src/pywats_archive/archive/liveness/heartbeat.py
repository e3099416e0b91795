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
from pywats_archive.archive.liveness.facts import STOPPED_AT, read, written
from pywats_archive.errors import ArchiveError
from pywats_archive.models.operation.service import Beat, ServiceFacts, ServiceStatus, service_status
from pywats_archive.models.time import UTC, Clock, utc_now
from pywats_archive.portable import names

BEAT_EVERY_S = 5.0
_NO_FACTS = ServiceFacts()


class Heartbeat:
    """The signs of life of one service in one archive; used from one thread."""

    def __init__(self, archive: Archive, *, clock: Clock = utc_now) -> None:
        self._archive = archive
        self._path = archive.root / layout.HEARTBEAT
        self._now = clock
        self._next_s = float("-inf")
        self._since = clock()
        self._written: ServiceFacts | None = None

    def beat(self, now_s: float, facts: ServiceFacts = _NO_FACTS) -> None:
        """Leave a sign, every few seconds at most; failures are ignored. ``now_s`` is of a monotonic clock."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + BEAT_EVERY_S
        with suppress(OSError, ArchiveError):
            if facts != self._written or not self._path.exists():
                self._write(facts)
            moment_ns = int(self._now().timestamp() * 1e9)
            os.utime(self._path, ns=(moment_ns, moment_ns))

    def end(self) -> None:
        """Remove the sign, and record when the service ended in order. Idempotent."""
        with suppress(OSError, ArchiveError):
            if self._written is not None:
                stopped_at = self._now().isoformat(timespec="seconds")
                self._write(self._written, name=layout.LAST_SERVICE, **{STOPPED_AT: stopped_at})
        self._written = None
        with suppress(OSError):
            names.unlink(self._path, missing_ok=True)

    def _write(self, facts: ServiceFacts, *, name: str = layout.HEARTBEAT, **more: object) -> None:
        self._archive.require_present()  # do not create it elsewhere
        since = self._since.isoformat(timespec="seconds")
        ownership.write_note(self._archive.root / name, **{**written(facts), "since": since, **more})
        self._written = facts


def status_of(root: Path, *, now: datetime) -> ServiceStatus:
    """Return whether a service works on the archive at ``root``, without opening it; changes nothing."""
    owned = False
    with suppress(ArchiveError, OSError):  # a read-only medium has no lock
        owned = (root / layout.LOCK).exists() and is_owned(root)
    return service_status(
        root,
        is_owned=owned,
        owner=ownership.author_of(root / layout.OWNER) if owned else None,
        beat=_beat_in(root / layout.HEARTBEAT) or _beat_in(root / layout.LAST_SERVICE),
        computer=platform.node(),
        now=now,
    )


def _beat_in(path: Path) -> Beat | None:
    by = ownership.author_of(path)
    with suppress(OSError):
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=path.stat().st_mtime_ns // 1000)
        facts, stopped_at = read(path)
        return Beat(by=by, at=at, facts=facts, stopped_at=stopped_at) if by else None
    return None


def facts_of(root: Path) -> ServiceFacts:
    """Return what the service of the archive at ``root`` says about itself, or what the last one said."""
    beat = _beat_in(root / layout.HEARTBEAT) or _beat_in(root / layout.LAST_SERVICE)
    return beat.facts if beat else ServiceFacts()
