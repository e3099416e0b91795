"""Runs of a station over the network: they are planned here, and carried out by a process there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pywats_archive.archive import arguments
from pywats_archive.client.remote.calls import asked, refused, streamed
from pywats_archive.client.remote.fields import Fields, filter_fields, given
from pywats_archive.client.remote.wire import Wire
from pywats_archive.client.replays import Replays
from pywats_archive.errors import ArchiveError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.replay import (
    Change,
    ItemResult,
    ReplayRequest,
    ReprocessingResult,
    Rollback,
    Run,
    RunState,
)
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter, Page

if TYPE_CHECKING:
    from pywats_archive.reprocessing.runner import OnProgress

_EACH_S = 0.5


class RemoteReplays(Replays):
    """``Client``'s replays of a station over the network; a run goes on when this program ends."""

    _wire: Wire

    runs = asked(Replays.runs, "GET /runs", tuple[Run, ...])
    run = asked(Replays.run, "GET /runs/{run_id}", ReprocessingResult)
    run_progress = asked(Replays.run_progress, "GET /runs/{run_id}/counts", Run)
    is_replaying = asked(Replays.is_replaying, "GET /runs/replaying", bool)
    compare_reports = asked(Replays.compare_reports, "GET /entries/{archive_id}/comparison", tuple[Change, ...])
    replayable = asked(Replays.replayable, "GET /runs/replayable", Page[ArchiveEntry])
    archive_of = asked(Replays.archive_of, "POST /runs/archive", Path)
    estimate_replay = asked(Replays.estimate_replay, "POST /runs/estimate", timedelta)
    cancel_run = asked(Replays.cancel_run, "POST /runs/{run_id}/cancel", type(None))
    roll_back_run = asked(Replays.roll_back_run, "POST /runs/{run_id}/roll-back", tuple[Rollback, ...])
    reprocessing = refused(Replays.reprocessing, "since it works on files; use replay, plan_run and resume_run")
    _items = streamed(Replays.changes, "GET /runs/{run_id}/items", ItemResult)

    def changes(
        self, run_id: int, archive: Path | str | None = None, *, unchanged: bool = False
    ) -> Iterator[ItemResult]:
        """Stream the outcome of each entry that a run changed or skipped, or, with ``unchanged``, of every entry."""
        self.run_progress(run_id, archive)
        return self._items(run_id, archive, unchanged=unchanged)

    def replay(
        self,
        archive_ids: Sequence[str],
        request: ReplayRequest | None = None,
        *,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> ReprocessingResult:
        """Replay entries of one archive, as a run, in this many processes of the station (0: one per core)."""
        how = arguments.of_kind(request or ReplayRequest(), "request", ReplayRequest)
        run_id, archive = self._planned({"archive_ids": list(arguments.texts(archive_ids, "archive_ids"))}, how)
        return self.resume_run(run_id, archive, processes=processes, on_progress=on_progress)

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
        """Record a run over the entries that match, over those of another run, or over these ids; return its number."""
        given(Replays.plan_run, (chosen, request), {"actor": actor})
        query: Fields = {} if archive is None else {"archive": str(archive)}
        body: dict[str, Any] = {"mode": mode, "since": since}
        if isinstance(chosen, EntryFilter):
            query |= filter_fields(chosen)
        elif isinstance(chosen, int):
            body["run_id"] = chosen
        else:
            body["archive_ids"] = list(arguments.texts(chosen, "chosen"))
        return self._planned(body, request, query)[0]

    def resume_run(
        self,
        run_id: int,
        archive: Path | str | None = None,
        *,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> ReprocessingResult:
        """Have a run carried out, and wait for its end; return the result of one that is done.

        ``on_progress`` is called with the counts; which entry was the last is not known here.
        """
        if self.run_progress(run_id, archive).state is RunState.RUNNING:
            query = {"processes": str(processes), **({} if archive is None else {"archive": str(archive)})}
            self._wire.ask("POST", f"/runs/{run_id}/resume", query=query)
            self._follow(run_id, archive, on_progress)
        return self.run(run_id, archive)

    def _follow(self, run_id: int, archive: Path | str | None, on_progress: OnProgress | None) -> None:
        query = {} if archive is None else {"archive": str(archive)}
        while True:
            now = self._wire.ask("GET", f"/runs/{run_id}/progress", query=query)
            if on_progress:
                on_progress(now["done"] + now["skipped"], now["total"], "")
            if not now["activity"]:
                break
            time.sleep(_EACH_S)
        if now["state"] == RunState.RUNNING.value:
            why = now["trouble"].removeprefix("error: ") or "its process ended"
            raise ArchiveError(f"run {run_id} is not finished ({why}); resume_run({run_id}) carries out the rest")

    def _planned(self, body: dict[str, Any], request: ReplayRequest, query: Fields | None = None) -> tuple[int, Path]:
        asked_for = {**body, "request": request.as_details()}
        planned = self._wire.ask("POST", "/runs/plan", query=query, body=asked_for)
        return int(planned["run_id"]), Path(planned["archive"])
