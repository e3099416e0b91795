"""The service's part of the record of accesses: records the notes of readers, and the starts and ends of the service."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import structlog

from pywats_archive.archive.access import folder, recording
from pywats_archive.archive.access.intake import Intake
from pywats_archive.archive.core import Archive
from pywats_archive.archive.overview import history
from pywats_archive.errors import ArchiveError
from pywats_archive.models.event import Event
from pywats_archive.pipeline.alerting.isolation import IsolatedTasks
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.portable.user import current_user

log = structlog.get_logger()

_REST_S = 30.0
_TOPIC = "accesses"


class AccessJob:
    """Takes in notes of accesses every half minute, at the start and at the end; used by one thread."""

    def __init__(self, pool: ArchivePool, *, tasks: IsolatedTasks, is_required: Callable[[], bool]) -> None:
        self._pool = pool
        self._tasks = tasks
        self._is_required = is_required
        self._intakes: dict[Path, Intake] = {}
        self._begun: set[Path] = set()
        self.is_idle = False
        """Whether the notes that waited at the start are recorded, or cannot be recorded now."""

    def step(self) -> float:
        """Take in what waits; returns the rest after it, in seconds."""
        try:
            for archive in self._pool.archives:
                self._guarded(archive, self._serve)
        finally:
            self.is_idle = True
        return _REST_S

    def end(self) -> None:
        """Take in what came since, and record that the service ends; after the last step."""
        for archive in self._pool.archives:
            if archive.root in self._begun:
                self._guarded(archive, self._take_leave)

    def _guarded(self, archive: Archive, act: Callable[[Archive], None]) -> None:
        try:
            with self._pool.lease(archive) as may_use:
                if may_use and archive.is_owner:
                    act(archive)
            self._tasks.resolve(_TOPIC, str(archive.root))
        except (ArchiveError, OSError) as exc:
            log.warning("access.not_taken_in", archive=str(archive.root), reason=str(exc))
        except Exception as exc:
            self._tasks.add(_TOPIC, str(archive.root), exc)

    def _serve(self, archive: Archive) -> None:
        folder.prepare(archive.root, required=self._is_required())
        if archive.root not in self._begun:
            self._record(archive, "service.started")
            self._begun.add(archive.root)
        self._take_in(archive)

    def _take_leave(self, archive: Archive) -> None:
        self._take_in(archive)
        self._record(archive, "service.stopped")

    def _take_in(self, archive: Archive) -> None:
        intake = self._intakes.get(archive.root)
        if intake is None or intake.archive is not archive:
            intake = self._intakes[archive.root] = Intake(archive=archive)
        if taken := intake.take_in():
            log.info("access.taken_in", archive=str(archive.root), events=taken)

    def _record(self, archive: Archive, kind: str) -> None:
        details = {"account": current_user(), "computer": platform.node(), "process": os.getpid()}
        history.append(archive, recording.versioned(Event(kind=kind, at=archive.now(), details=details)))
