"""What pages and API do with runs: plan them, have them carried out, cancel them and take them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from starlette.requests import Request

from pywats_archive.client import Client
from pywats_archive.errors import NeedsConfirmation, UsageError
from pywats_archive.models.operation.replay import ReplayRequest, ReprocessingResult, Rollback, RunState
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import EntryFilter, SortKey
from pywats_archive.web.station import Station, station_of, user_of
from pywats_archive.web.views import address, runs

NO_CONFIG = (
    "replaying needs the converters of a configuration; these pages show an archive alone: "
    "start them with 'pywats-archive web --config config.json'"
)
_RUNS = 10_000
"""How many of the latest runs are looked at for one that sent a comparison."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The entries that a view would replay."""

    count: int
    is_exact: bool
    """False if there are more than ``count``."""
    seconds: float
    """Estimated duration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A run that is on record and not carried out yet."""

    run_id: int
    archive: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """The counts of a run, and what a process does with it now."""

    run_id: int
    state: RunState
    activity: str
    total: int
    done: int
    skipped: int
    planned: int
    trouble: str = ""
    """Why the last process that worked on it ended before its time."""


class Replaying:
    """The runs of the archive that a request is about: ``?archive=`` names it where a station has several."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.station: Station = station_of(request)
        self.client: Client = self.station.client
        named = request.query_params.get("archive")
        self.archive: Path | None = Path(named).absolute() if named and "\0" not in named else None

    @property
    def is_ambiguous(self) -> bool:
        """Whether the station has several archives and the request names none."""
        return self.archive is None and len(self.client.roots) > 1

    def view(self) -> address.ArchiveView:
        """Return the view in the address."""
        return address.read({name: text for name, text in self._request.query_params.items() if name != "archive"})

    def choice(self, wanted: EntryFilter) -> Choice:
        """Count the entries that match, and estimate how long their replay takes."""
        found = self.client.replayable(wanted, self.archive)
        ids = [entry.archive_id for entry in found.items]
        per_entry = self.client.estimate_replay(ids) / len(ids) if ids else timedelta()
        seconds = (per_entry * found.total).total_seconds()
        return Choice(count=found.total, is_exact=found.total_is_exact, seconds=round(seconds, 1))

    def compare(self, wanted: EntryFilter, how: ReplayRequest, *, since: int | None) -> int:
        """Start a dry run over the entries that match; return its number."""
        return self._begin(wanted, replace(how, dry_run=True), since)

    def plan(
        self, chosen: EntryFilter | int | Sequence[str], how: ReplayRequest, *, mode: ReplayMode, since: int | None
    ) -> Planned:
        """Record a run that ``resume`` has carried out."""
        if how.converter_file is not None:
            raise UsageError("converter_file: a file of the station is not run over the network; use the command there")
        self._require_config()
        if self.archive is None and not isinstance(chosen, EntryFilter | int):
            root = self.client.archive_of(chosen)
        else:
            root = self._root()
        with self.station.launcher.planning:
            actor = user_of(self._request)
            run_id = self.client.plan_run(chosen, how, root, mode=mode, since=since, actor=actor)
        return Planned(run_id=run_id, archive=root)

    def send(self, run_id: int, *, reports: int | None, reason: str) -> int:
        """Send what a comparison found, with the number of reports as the confirmation; return the new run's number.

        Once for each reason: sent again, the comparison could give the same tests other ids.
        """
        compared = self.client.run(run_id, self.archive)
        if why := runs.why_not_sent(compared):
            raise UsageError(f"run {run_id} cannot be sent: {why}")
        expected = runs.to_send(compared)
        if reports != expected:
            raise NeedsConfirmation(f"the number of reports is not {expected}; type {expected} to send them")
        asked = ReplayRequest(**compared.request)
        how = replace(asked, dry_run=False, submit_to_server=True, reason=reason.strip() or None)
        how = replace(how, allow_verdict_change=how.reason)
        if asked.new_id:
            self._require_not_sent(run_id, how)
        return self._begin(run_id, how, run_id)

    def _require_not_sent(self, run_id: int, how: ReplayRequest) -> None:
        """Refuse to send a comparison with new ids again for another reason: each test would get one more id."""
        wanted = replace(how, selection={"entries_of": run_id}).as_details()
        for sent in self.client.runs(self.archive, limit=_RUNS):
            other = {**sent.request, **{name: wanted[name] for name in ("allow_verdict_change", "reason")}}
            if sent.run_id > run_id and other == wanted != sent.request:
                raise UsageError(
                    f"run {sent.run_id} sent run {run_id} under new ids already; compare the entries that it held back again"
                )

    def resume(self, run_id: int, *, processes: int = 0) -> None:
        """Have the rest of a run carried out, in this many processes (0: one per core)."""
        run = self.client.run_progress(run_id, self.archive)
        if run.state is not RunState.RUNNING:
            raise UsageError(f"run {run_id} is {run.state.value.replace('_', ' ')}; there is nothing to resume")
        if not self.client.is_replaying(self.archive):
            self._launch("resume", run_id, processes)

    def cancel(self, run_id: int) -> None:
        """Cancel a run after the entries in progress; nothing to do if it was cancelled before."""
        if self.client.run_progress(run_id, self.archive).state is not RunState.CANCELLED:
            self._require_config()
            self.client.reprocessing(self._root(), actor=user_of(self._request)).cancel(run_id)

    def take_back(self, run_id: int) -> None:
        """Have the entries of a run show their earlier conversions again."""
        run = self.client.run_progress(run_id, self.archive)
        if run.state is RunState.ROLLED_BACK:
            return
        if run.request.get("dry_run") or run.state is RunState.RUNNING:
            raise UsageError(f"run {run_id} cannot be taken back: it changed nothing, or it is not finished")
        self._launch("rollback", run_id)

    def roll_back(self, run_id: int) -> tuple[Rollback, ...]:
        """Have the entries of a run show their earlier conversions again, and wait for it."""
        self._require_config()
        return self.client.reprocessing(self._root(), actor=user_of(self._request)).rollback(run_id)

    def progress(self, run_id: int) -> Progress:
        """Return the counts of a run."""
        run = self.client.run_progress(run_id, self.archive)
        verb = self.station.launcher.verb(run_id, self._root())
        return Progress(
            run_id=run_id,
            state=run.state,
            activity=runs.activity(run.state, verb, is_locked=self.client.is_replaying(self.archive)),
            total=run.total,
            done=run.done,
            skipped=run.skipped,
            planned=run.planned,
            trouble=self.trouble(run_id) if run.state is RunState.RUNNING and not verb else "",
        )

    def result(self, run_id: int) -> ReprocessingResult:
        """Return what a run did so far."""
        return self.client.run(run_id, self.archive)

    def trouble(self, run_id: int) -> str:
        """Return why the process of a run ended before its time."""
        return self.station.launcher.trouble(run_id, self._root())

    def newest(self) -> int:
        """Return the number of the latest run; 0 if there is none."""
        return next((run.run_id for run in self.client.runs(self.archive, limit=1)), 0)

    def _begin(self, chosen: EntryFilter | int, how: ReplayRequest, since: int | None) -> int:
        self._require_config()
        with self.station.launcher.planning:
            actor = user_of(self._request)
            run_id = self.client.plan_run(chosen, how, self._root(), since=since, actor=actor)
            run = self.client.run_progress(run_id, self.archive)
            if run.state is RunState.RUNNING and run.planned:
                self._launch("resume", run_id)
        return run_id

    def _launch(self, verb: str, run_id: int, processes: int = 0) -> None:
        config = self._require_config()
        actor = user_of(self._request)
        self.station.launcher.start(verb, run_id, archive=self._root(), config=config, actor=actor, processes=processes)

    def _root(self) -> Path:
        if self.is_ambiguous:
            raise UsageError("the station has several archives; choose one of them on the page Reprocess")
        return self.archive or self.client.roots[0]

    def _require_config(self) -> Path:
        if self.client.config is None:
            raise UsageError(NO_CONFIG)
        return self.client.config


def replayed(view: address.ArchiveView) -> EntryFilter:
    """Return the filter of a view, without its order and without what was purged: that cannot be replayed."""
    return replace(view.wanted(), sort=SortKey.TIME, newest_first=True, purged=None)
