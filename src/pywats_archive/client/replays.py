"""The part of the client that replays entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pywats_archive.archive import arguments
from pywats_archive.client.run_reader import RunReader
from pywats_archive.config.outline import StationOutline
from pywats_archive.errors import UsageError

if TYPE_CHECKING:
    from pywats_archive.archive.results.runs import Rollback
    from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult
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
        return self._engine_for(archive_ids).start(archive_ids, how, processes=processes, on_progress=on_progress)

    def estimate_replay(self, archive_ids: Sequence[str], *, processes: int = 0) -> timedelta:
        """Estimate how long a replay takes in this many processes (0: one per core)."""
        return self._engine_for(archive_ids).estimate(archive_ids, processes=processes)

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

    def _engine_for(self, archive_ids: Sequence[str]) -> ReprocessingEngine:
        roots = {self._archives.holder(each).root for each in arguments.texts(archive_ids, "archive_ids")}
        if not roots:
            raise UsageError("nothing to replay: no entry matches")
        if len(roots) > 1:
            several = ", ".join(sorted(map(str, roots)))
            raise UsageError(
                f"archive_ids are of several archives ({several}); replay those of each as a run of its own"
            )
        return self.reprocessing(roots.pop())
