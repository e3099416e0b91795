"""The rolling scrub: entries are read back one after the other, each when it is due."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from pywats_archive.archive.audit import inspection, inventory, scrub_log
from pywats_archive.archive.audit.scrub_log import EntryCheck, FindingChanges
from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.description import describe
from pywats_archive.integrity.pace import Pace

_AT_ONCE = 200
_COMMIT_S = 10.0


class Scrub:
    """Re-reads one archive; new findings go to ``on_changes``. Its state is in the catalog, so it resumes after a crash."""

    def __init__(self, archive: Archive, *, on_changes: Callable[[FindingChanges], None]) -> None:
        self._archive = archive
        self._on_changes = on_changes
        self._due: deque[str] = deque()
        self._readings: list[EntryCheck] = []
        self._first_reading_s = 0.0
        self._rechecked_s: float | None = None

    def step(self, pace: Pace, *, is_busy: bool) -> float:
        """Read back at most one entry; return how many seconds to rest. NotAnArchive if the archive is unavailable."""
        if self._rechecked_s is None or time.monotonic() - self._rechecked_s >= pace.recheck_s:
            self._recheck_findings()
        if not self._due:
            self.commit()
            read_before = self._archive.now() - pace.due_age(is_busy=is_busy)
            self._due.extend(scrub_log.due(self._archive, read_before=read_before, limit=_AT_ONCE))
        if not self._due:
            return pace.idle_s
        began_s = time.monotonic()
        reading = self._read_back(self._due.popleft())
        self._buffer(reading)
        return pace.rest_s(read_bytes=reading.read_bytes, spent_s=time.monotonic() - began_s)

    def commit(self) -> None:
        """Record what was read back."""
        readings, self._readings = self._readings, []
        if readings:
            self._on_changes(scrub_log.record(self._archive, readings))

    def forget(self) -> None:
        """Drop what was read back and is not recorded: it will be read again."""
        self._due.clear()
        self._readings.clear()

    def _buffer(self, reading: EntryCheck) -> None:
        if not self._readings:
            self._first_reading_s = time.monotonic()
        self._readings.append(reading)
        is_late = time.monotonic() - self._first_reading_s >= _COMMIT_S
        if reading.problems or is_late or len(self._readings) >= _AT_ONCE:
            self.commit()

    def _read_back(self, archive_id: str) -> EntryCheck:
        holding = inventory.current(self._archive, archive_id)
        checks = list(inspection.check_all(self._archive, holding, lambda path: True))
        doubtful = [problem.path for _, problem in checks if problem]
        again = (inspection.recheck(self._archive, archive_id, path, whole=True) for path in doubtful)
        problems = tuple(problem for problem in again if problem)
        if problems:
            describe(self._archive.root)  # a share that went away makes no findings
        return EntryCheck(
            archive_id=archive_id,
            paths=tuple(blob.path for blob, _ in checks),
            read_bytes=sum(blob.compressed_size_bytes or 0 for blob, _ in checks),
            problems=problems,
        )

    def _recheck_findings(self) -> None:
        self._rechecked_s = time.monotonic()
        for finding in scrub_log.findings(self._archive):
            path, archive_id = finding.problem.path, finding.problem.archive_id or ""
            is_sound = inspection.recheck(self._archive, archive_id, path, whole=True) is None
            self._on_changes(
                scrub_log.record_cleared(self._archive, finding)
                if is_sound
                else FindingChanges(found=(finding.problem,))
            )
