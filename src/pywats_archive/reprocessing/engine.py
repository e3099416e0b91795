"""ReprocessingEngine: replaying as the analysis names it, awaitable; each method is a few lines over a worker thread."""

from __future__ import annotations

import os
import statistics
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

from pywats_archive.archive import arguments
from pywats_archive.archive.compliance import approvals
from pywats_archive.archive.core import Archive, Stored, archive_of
from pywats_archive.archive.results import runs
from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.main_script import require_guard
from pywats_archive.errors import UsageError
from pywats_archive.host.settings.configfile import read_station_config
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.operation.replay import (
    ItemResult,
    ReplayRequest,
    ReprocessingResult,
    Rollback,
    Run,
    RunState,
)
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.retention.compliance import Act
from pywats_archive.portable.user import current_actor
from pywats_archive.reprocessing import history, runner, selection
from pywats_archive.reprocessing.candidate import checked
from pywats_archive.reprocessing.rules import require_possible
from pywats_archive.reprocessing.runner import OnProgress

_PAGE, _SAMPLE = 1000, 200
_OVERHEAD_MS, _START = 2, timedelta(seconds=1)
"""The time that a replay takes besides its conversion (restoring, comparing, recording), and that a run takes to begin."""
_UNHINDERED = 1.3
"""How many times longer a live conversion takes, which shares the processors with the service: 1 to 1.6, measured."""
_FIRST_ONES = 0.05
"""The share of the durations, the longest ones, that is ignored: a worker's first conversion waits for its imports."""


class ReprocessingEngine:
    """Replays archived sources through the converters of a configuration, and says what changes before anything is sent."""

    def __init__(
        self, storage: Stored | Archive, config: StationConfig | Path | str, *, actor: str | None = None
    ) -> None:
        """``storage`` is an ``ArchiveStorage`` or an open archive, ``config`` pyWATS' configuration."""
        self._archive = archive_of(storage)
        self._station = config if isinstance(config, StationConfig) else read_station_config(Path(config))
        self._actor = actor or current_actor()

    @property
    def archive_uuid(self) -> str:
        """The archive whose entries are replayed."""
        return self._archive.description.archive_uuid

    async def reprocess_range(
        self,
        converter_name: str,
        from_date: date | datetime,
        to_date: date | datetime,
        use_current_converter: bool = True,
        use_current_parameters: bool = True,
        submit_to_server: bool = False,
        progress_callback: OnProgress | None = None,
        *,
        dry_run: bool = False,
        mode: ReplayMode = ReplayMode.ALL,
        reason: str | None = None,
    ) -> ReprocessingResult:
        """Replay a converter's entries of a range, both ends inclusive; a date as the end means all of that day."""
        wanted = EntryFilter(
            converter_name=converter_name,
            from_date=arguments.first_moment(from_date, "from_date"),
            to_date=arguments.last_moment(to_date, "to_date"),
        )
        request = ReplayRequest(
            reason=reason,
            dry_run=dry_run,
            use_current_converter=use_current_converter,
            use_current_parameters=use_current_parameters,
            submit_to_server=submit_to_server,
            selection=selection.by_filter(wanted, mode),
        )
        ids = await to_thread(self.select, wanted, mode)
        return await to_thread(self.start, ids, request, on_progress=progress_callback)

    async def reprocess_single(
        self,
        archive_id: str,
        *,
        dry_run: bool = False,
        use_current_converter: bool = True,
        allow_version: str | None = None,
        use_current_parameters: bool = True,
        submit_to_server: bool = False,
        new_id: bool = False,
        allow_verdict_change: str | None = None,
        allow_unit_change: str | None = None,
        reason: str | None = None,
    ) -> ItemResult:
        """Replay one entry, as a run of its own; the keywords are the fields of ``ReplayRequest``."""
        request = ReplayRequest(
            dry_run=dry_run,
            use_current_converter=use_current_converter,
            allow_version=allow_version,
            use_current_parameters=use_current_parameters,
            submit_to_server=submit_to_server,
            new_id=new_id,
            allow_verdict_change=allow_verdict_change,
            allow_unit_change=allow_unit_change,
            reason=reason,
        )
        done = await to_thread(self.start, [archive_id], request)
        (item,) = await to_thread(self.items, done.run_id)
        return item

    async def estimate_reprocessing_time(
        self, converter_name: str, from_date: date | datetime, to_date: date | datetime
    ) -> timedelta:
        """Estimate how long a replay of a range takes, from the recorded durations of its conversions."""
        wanted = EntryFilter(
            converter_name=converter_name,
            from_date=arguments.first_moment(from_date, "from_date"),
            to_date=arguments.last_moment(to_date, "to_date"),
        )
        return await to_thread(self.estimate, await to_thread(self.select, wanted, ReplayMode.ALL))

    def select(self, wanted: EntryFilter, mode: ReplayMode = ReplayMode.ALL) -> list[str]:
        """Return the archive ids of matching entries, oldest or newest first; purged ones are left out."""
        wanted = replace(wanted, purged=False)
        if mode is not ReplayMode.ALL and wanted.status is not None:
            raise UsageError("give a status or a mode, not both: a mode says which statuses are meant")
        if mode is ReplayMode.FAILED:
            return _matching(self._archive, replace(wanted, status=ConversionStatus.FAILED))
        if mode is ReplayMode.WARNED:
            failed = _matching(self._archive, replace(wanted, status=ConversionStatus.FAILED))
            warned = _matching(self._archive, replace(wanted, warned=True))
            return sorted({*failed, *warned}, reverse=wanted.newest_first)
        return _matching(self._archive, wanted)

    def start(
        self,
        archive_ids: Sequence[str],
        request: ReplayRequest,
        *,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> ReprocessingResult:
        """Start a run over these entries and carry it out.

        UnknownEntry, RunRunning, and UsageError for an impossible request or a candidate whose code cannot be loaded, come
        before any record.
        """
        require_guard()
        ids, asked = self._chosen(archive_ids, request)
        with runs.reprocessing(self._archive):
            return self._carry_out(runs.begin(self._archive, asked, ids, actor=self._actor), processes, on_progress)

    def plan(self, archive_ids: Sequence[str], request: ReplayRequest, *, since: int | None = None) -> int:
        """Record a run for ``resume``, unless one behind ``since`` has this request and these entries; return its number.

        Errors as ``start``.
        """
        ids, asked = self._chosen(archive_ids, request)
        with runs.reprocessing(self._archive):
            same = runs.same_since(self._archive, since, asked, ids)
            return same or runs.begin(self._archive, asked, ids, actor=self._actor)

    def _chosen(self, archive_ids: Sequence[str], request: ReplayRequest) -> tuple[list[str], ReplayRequest]:
        """Return the entries, each once, and the request as the record has it."""
        require_possible(request)
        if not archive_ids:
            raise UsageError("nothing to replay: no entry matches")
        ids = list(dict.fromkeys(arguments.texts(archive_ids, "archive_ids")))
        names = {self._archive.entry(archive_id).converter_name for archive_id in ids}
        return ids, checked(
            replace(request, selection=request.selection or selection.by_ids(ids)), names, self._station
        )

    def resume(self, run_id: int, *, processes: int = 0, on_progress: OnProgress | None = None) -> ReprocessingResult:
        """Resume a run that was stopped; return the result of one that is done. RunRunning while another one runs."""
        require_guard()
        with runs.reprocessing(self._archive):
            left = runs.planned(self._archive, run_id, 1)
            request = ReplayRequest(**self.run(run_id).request)
            checked(request, [self._archive.entry(each).converter_name for each in left], self._station)
            return self._carry_out(run_id, processes, on_progress)

    def _carry_out(self, run_id: int, processes: int, on_progress: OnProgress | None) -> ReprocessingResult:
        return runner.carry_out(
            self._archive, self._station, run_id, actor=self._actor, processes=processes, on_progress=on_progress
        )

    def run(self, run_id: int) -> Run:
        """Return a run; UnknownRun when there is none."""
        return runs.get(self._archive, run_id)

    def runs(self, limit: int = 100) -> tuple[Run, ...]:
        """Return the latest runs, newest first."""
        return runs.latest(self._archive, limit)

    def items(self, run_id: int) -> tuple[ItemResult, ...]:
        """Return the outcome of each entry of a run."""
        runs.get(self._archive, run_id)
        return tuple(runs.items(self._archive, run_id))

    def result(self, run_id: int) -> ReprocessingResult:
        """Summarize what a run did so far."""
        return history.result_of(self._archive, run_id)

    def cancel(self, run_id: int) -> None:
        """Cancel a run after the entries in progress; finished entries stay."""
        _require_running(runs.get(self._archive, run_id))
        runs.end(self._archive, run_id, RunState.CANCELLED, actor=self._actor)

    def rollback(self, run_id: int) -> tuple[Rollback, ...]:
        """Let every entry of a run show the conversion again that it showed before; nothing of the history is lost."""
        if runs.get(self._archive, run_id).request.get("dry_run"):
            raise UsageError(f"run {run_id} was a dry run: it changed nothing")
        with runs.reprocessing(self._archive):
            approvals.require(self._archive, Act.ROLL_BACK, {"run_id": run_id}, actor=self._actor)
            items = [item for item in runs.items(self._archive, run_id) if item.status is not None]
            done = tuple(runs.roll_back(self._archive, run_id, each.archive_id, actor=self._actor) for each in items)
            runs.end(self._archive, run_id, RunState.ROLLED_BACK, actor=self._actor)
        return done

    def estimate(self, archive_ids: Sequence[str], *, processes: int = 0) -> timedelta:
        """Estimate how long these take in this many processes (0: one per core), from the durations of some of them."""
        step = max(1, len(archive_ids) // _SAMPLE)
        entries = (self._archive.entry(archive_id) for archive_id in archive_ids[::step])
        durations = sorted(e.conversion_duration_ms for e in entries if e.conversion_duration_ms is not None)
        usual = durations[: max(1, round(len(durations) * (1 - _FIRST_ONES)))]
        each_ms = (statistics.mean(usual) / _UNHINDERED if usual else 50.0) + _OVERHEAD_MS
        return _START + timedelta(milliseconds=each_ms * len(archive_ids) / (processes or os.cpu_count() or 2))


def _require_running(run: Run) -> None:
    if run.state is not RunState.RUNNING:
        undoing = f"'reprocess rollback {run.run_id}' undoes it"
        advice = "it was a dry run: it changed nothing" if run.request.get("dry_run") else undoing
        raise UsageError(f"run {run.run_id} is not running; {advice}")


def _matching(archive: Archive, wanted: EntryFilter) -> list[str]:
    page = archive.find(wanted, limit=_PAGE)
    found = [each.archive_id for each in page.items]
    while page.next:
        page = archive.find(wanted, limit=_PAGE, after=page.next)
        found += [each.archive_id for each in page.items]
    return found
