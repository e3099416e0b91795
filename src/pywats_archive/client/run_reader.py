"""The half of the client that reads runs: each reprocessing on record, and what it changed; it compares any two reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywats_archive.archive import arguments
from pywats_archive.archive.core import Archive
from pywats_archive.client.archives import OpenArchives

if TYPE_CHECKING:
    from pywats_archive.models.operation.replay import Change, ItemResult, ReprocessingResult, Run
    from pywats_archive.reprocessing.compare import Ran


class RunReader:
    """Reads the runs of one archive of a station; no configuration is needed.

    UsageError if there are several archives and none is named, UnknownRun if a run does not exist.
    """

    _archives: OpenArchives
    actor: str
    """The name that the history has for whoever uses this client."""

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

    def compare_reports(
        self,
        archive_id: str,
        number: int,
        other_id: str | None = None,
        other_number: int = 1,
        *,
        actor: str | None = None,
    ) -> tuple[Change, ...]:
        """Return how another report differs from the one with this number, apart from ids and the time of the conversion.

        The other one may be of the same entry, or of another one. Numbers are counted from 1 in the order of ``details``.
        The history has who read both.
        """
        from pywats_archive.reprocessing.compare import difference

        reader = actor or self.actor
        old, old_ran = self._document_of(archive_id, number, reader)
        new, new_ran = self._document_of(other_id or archive_id, other_number, reader)
        return difference(old, new, old_ran=old_ran, new_ran=new_ran).lasting

    def _document_of(self, archive_id: str, number: int, reader: str) -> tuple[Mapping[str, Any], Ran | None]:
        from pywats_archive.archive.restore import content
        from pywats_archive.archive.results.document import fields_of
        from pywats_archive.reprocessing.compare import Ran

        archive_id, number = arguments.text(archive_id, "archive_id"), arguments.whole(number, "number")
        holder = self._archives.holder(archive_id)
        fields = fields_of(b"".join(content.read_report(holder, archive_id, number, actor=reader)))
        details = holder.details(archive_id)
        conversion_id = details.reports[number - 1].conversion_id
        made = (
            Ran.of(each.started_at, each.duration_ms)
            for each in details.conversions
            if each.conversion_id == conversion_id
        )
        return fields, next(made, None)

    def _archive_of(self, archive: Path | str | None) -> Archive:
        return self._archives.only(None if archive is None else arguments.path(archive, "archive"))
