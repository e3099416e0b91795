"""The half of the client that reads runs: each reprocessing on record, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive
from pywats_archive.client.archives import OpenArchives

if TYPE_CHECKING:
    from pywats_archive.models.operation.replay import ItemResult, ReprocessingResult, Run


class RunReader:
    """Reads the runs of one archive of a station; no configuration is needed.

    UsageError if there are several archives and none is named, UnknownRun if a run does not exist.
    """

    _archives: OpenArchives

    def runs(self, archive: Path | str | None = None, *, limit: int = 100) -> tuple[Run, ...]:
        """Return the latest runs, newest first."""
        from pywats_archive.archive.results import runs

        return runs.latest(self._archive_of(archive), arguments.whole(limit, "limit"))

    def run(self, run_id: int, archive: Path | str | None = None) -> ReprocessingResult:
        """Summarize what a run has done so far, and what became of it since."""
        from pywats_archive.reprocessing import history

        return history.result_of(self._archive_of(archive), run_id)

    def run_progress(self, run_id: int, archive: Path | str | None = None) -> Run:
        """Return the counts of a run; quick, for whoever watches it."""
        from pywats_archive.archive.results import runs

        return runs.get(self._archive_of(archive), run_id)

    def is_replaying(self, archive: Path | str | None = None) -> bool:
        """Whether a process carries out a run now; False if unknown, as on Windows."""
        from pywats_archive.archive.folder import layout
        from pywats_archive.portable.processes import is_locked

        return is_locked(self._archive_of(archive).root / layout.REPROCESSING)

    def changes(
        self, run_id: int, archive: Path | str | None = None, *, unchanged: bool = False
    ) -> Iterator[ItemResult]:
        """Stream the outcome of each entry that a run changed or skipped, or, with ``unchanged``, of every entry."""
        from pywats_archive.archive.results import runs

        of = self._archive_of(archive)
        runs.get(of, run_id)
        return (item for item in runs.items(of, run_id) if unchanged or not item.is_unchanged)

    def _archive_of(self, archive: Path | str | None) -> Archive:
        return self._archives.only(None if archive is None else arguments.path(archive, "archive"))
