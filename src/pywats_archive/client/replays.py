"""The part of the client that replays entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.run_reader import RunReader
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import UsageError
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter, Page

if TYPE_CHECKING:
    from pywats_archive.models.entry import ArchiveEntry
    from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult, Rollback
    from pywats_archive.reprocessing.engine import ReprocessingEngine
    from pywats_archive.reprocessing.runner import OnProgress


class Replays(RunReader):
    """Replays entries, each run within one archive. UsageError if the client was not opened with a configuration."""

    _station: StationOutline | None
    actor: str
    """The name that the history has for whoever uses this client."""

    def replay(
        self,
        archive_ids: Sequence[str],
        request: ReplayRequest | None = None,
        *,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> ReprocessingResult:
        """Replay entries of one archive, as a run, in this many processes (0: one per core).

        UnknownEntry and RunRunning come before any record. UsageError if a script calls this outside of
        ``if __name__ == "__main__":``, since its processes import the script again.
        """
        from pywats_archive.models.operation.replay import ReplayRequest

        how = arguments.of_kind(request or ReplayRequest(), "request", ReplayRequest)
        return self.reprocessing(self.archive_of(archive_ids)).start(
            archive_ids, how, processes=processes, on_progress=on_progress
        )

    def estimate_replay(self, archive_ids: Sequence[str], *, processes: int = 0) -> timedelta:
        """Estimate how long a replay takes in this many processes (0: one per core)."""
        return self.reprocessing(self.archive_of(archive_ids)).estimate(archive_ids, processes=processes)

    @property
    def config(self) -> Path | None:
        """The configuration that the client was opened with; None if it cannot replay."""
        return self._station.path if self._station else None

    def replayable(
        self, wanted: EntryFilter, archive: Path | str | None = None, *, limit: int = 200
    ) -> Page[ArchiveEntry]:
        """Return the first entries of one archive that match and are not purged, and the number of all of them."""
        found = replace(arguments.entry_filter(wanted), purged=False)
        return self._archive_of(archive).find(found, limit=arguments.whole(limit, "limit"))

    def plan_run(
        self,
        chosen: EntryFilter | int | Sequence[str],
        request: ReplayRequest,
        archive: Path | str | None = None,
        *,
        mode: ReplayMode = ReplayMode.ALL,
        since: int | None = None,
        actor: str | None = None,
    ) -> int:
        """Record a run over the entries that match, over those of another run, or over these ids; return its number.

        ``resume_run`` carries it out; ``mode`` narrows a filter. With ``since``, a run with a higher number, the same
        request and the same choice is the one: what is asked twice is planned once. RunRunning while another one runs.
        """
        from pywats_archive.archive.results import runs
        from pywats_archive.reprocessing import selection

        of = self._archive_of(archive)
        engine = self.reprocessing(of.root, actor=actor)
        if isinstance(chosen, EntryFilter):
            chosen = arguments.entry_filter(chosen)
            how = replace(request, selection=selection.by_filter(chosen, mode))
        elif isinstance(chosen, int):
            how = replace(request, selection={"entries_of": chosen})
        else:
            chosen = arguments.texts(chosen, "chosen")
            how = replace(request, selection=request.selection or selection.by_ids(chosen))
        if not isinstance(chosen, EntryFilter | int):
            return engine.plan(chosen, how, since=since)
        if same := runs.same_since(of, since, how):
            return same
        if isinstance(chosen, EntryFilter):
            return engine.plan(engine.select(chosen, mode), how, since=since)
        return engine.plan([item.archive_id for item in engine.items(chosen)], how, since=since)

    def resume_run(
        self,
        run_id: int,
        archive: Path | str | None = None,
        *,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> ReprocessingResult:
        """Resume a run that was stopped; return the result of one that is done. RunRunning while another one runs."""
        return self.reprocessing(archive).resume(run_id, processes=processes, on_progress=on_progress)

    def cancel_run(self, run_id: int, archive: Path | str | None = None) -> None:
        """Cancel a run after the entries in progress; finished entries stay."""
        self.reprocessing(archive).cancel(run_id)

    def roll_back_run(self, run_id: int, archive: Path | str | None = None) -> tuple[Rollback, ...]:
        """Let every entry of a run show the conversion again that it showed before; nothing of the history is lost."""
        return self.reprocessing(archive).rollback(run_id)

    def reprocessing(self, archive: Path | str | None = None, *, actor: str | None = None) -> ReprocessingEngine:
        """Return the engine that replays entries of one archive; UsageError if archive or configuration are ambiguous."""
        if self._station is None:
            raise UsageError("replaying needs the converters' configuration; open the client with from_config")
        from pywats_archive.reprocessing.engine import ReprocessingEngine

        return ReprocessingEngine(self._archive_of(archive), self._station.path, actor=actor or self.actor)

    def archive_of(self, archive_ids: Sequence[str]) -> Path:
        """Return the folder of the archive that has these entries; UsageError if they are of several, or none is named."""
        roots = {self._archives.holder(each).root for each in arguments.texts(archive_ids, "archive_ids")}
        if not roots:
            raise UsageError("nothing to replay: no entry matches")
        if len(roots) > 1:
            several = ", ".join(sorted(map(str, roots)))
            raise UsageError(
                f"archive_ids are of several archives ({several}); replay those of each as a run of its own"
            )
        return roots.pop()
