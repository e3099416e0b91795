"""Replays over a vault: started, resumed, shown, listed and cancelled."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime

from pywats_archive.archive import arguments
from pywats_archive.config.vault import VaultSettings
from pywats_archive.errors import UsageError
from pywats_archive.models.plant.replay import PlannedSegment, PlantReplay, PlantReplayResult, PlantReplayState
from pywats_archive.models.time import utc_now
from pywats_archive.plant.replaying import code as packing
from pywats_archive.plant.replaying import planning
from pywats_archive.plant.replaying.engines.local import ended_here
from pywats_archive.plant.replaying.engines.scheduler import Ended, Scheduler
from pywats_archive.plant.replaying.records import plan as plans
from pywats_archive.plant.replaying.records.summary import summarize
from pywats_archive.plant.replaying.work.process import version
from pywats_archive.plant.replaying.work.task import Outcome, Task
from pywats_archive.portable.user import current_actor
from pywats_archive.vault import marker
from pywats_archive.vault.opening import open_vault

OnProgress = Callable[[int, int], None]
"""Called with the number of entries that have a result, and of all."""
_MOST_UNREAD = 20


class PlantReplays:
    """The replays of one vault."""

    def __init__(self, settings: VaultSettings, *, actor: str | None = None) -> None:
        self._settings = settings
        self._actor = actor or current_actor()
        self._vault = open_vault(settings, tries_again=True)

    def start(
        self,
        converter_name: str,
        *,
        from_date: date | datetime | None = None,
        to_date: date | datetime | None = None,
        converter_file: str | None = None,
        on_planned: Callable[[PlantReplay], None] = lambda replay: None,
        scheduler: Scheduler | None = None,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> PlantReplayResult:
        """Plan a dry run over the sources of a converter that were archived in a range, and carry it out.

        A date as the end means all of that day. ``converter_file``: the code, ``candidate.py`` or ``candidate.py:Class``; by
        default that of the newest conversion. UsageError if there is no such source, or the code cannot be loaded.
        """
        replay = self.plan(converter_name, from_date=from_date, to_date=to_date, converter_file=converter_file)
        on_planned(replay)
        return self._carry_out(replay, scheduler, processes, on_progress)

    def plan(
        self,
        converter_name: str,
        *,
        from_date: date | datetime | None = None,
        to_date: date | datetime | None = None,
        converter_file: str | None = None,
    ) -> PlantReplay:
        """Store the plan of a replay, for ``resume``; durable once this returns. Errors as ``start``."""
        marker.require(self._vault)
        wanted = planning.Wanted(
            converter_name=arguments.text(converter_name, "converter_name"),
            from_date=None if from_date is None else arguments.first_moment(from_date, "from_date"),
            to_date=None if to_date is None else arguments.last_moment(to_date, "to_date"),
        )
        named = packing.of_candidate(converter_file) if converter_file else None
        found = planning.survey(self._vault, wanted)
        code, content = named or planning.code_on_record(self._vault, found)
        now = utc_now()
        replay = PlantReplay(
            run=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
            vault=self._vault.url,
            created_at=now,
            actor=self._actor,
            software=version(),
            converter_name=wanted.converter_name,
            from_date=wanted.from_date,
            to_date=wanted.to_date,
            code=code,
            archives=found.archives,
            segments=len(found.segments),
            entries=sum(each.entries for each in found.segments),
            problems=tuple(found.problems),
        )
        plans.store(self._vault, replay, found.segments, content)
        return replay

    def resume(
        self,
        run: str,
        *,
        scheduler: Scheduler | None = None,
        processes: int = 0,
        on_progress: OnProgress | None = None,
    ) -> PlantReplayResult:
        """Carry out what has no result yet; UsageError if the replay was cancelled, UnknownRun if there is none."""
        replay = plans.load(self._vault, run)
        if replay.state is PlantReplayState.CANCELLED:
            raise UsageError(f"replay {run} was cancelled; start another one")
        return self._carry_out(replay, scheduler, processes, on_progress)

    def show(self, run: str) -> PlantReplayResult:
        """Return what a replay found so far; UnknownRun if there is none."""
        return summarize(self._vault, plans.load(self._vault, run))

    def list(self) -> list[PlantReplay]:
        """Return all replays of the vault, newest first: the name of one has the second alone."""
        found = (plans.load(self._vault, run) for run in plans.runs(self._vault))
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    def cancel(self, run: str) -> PlantReplay:
        """Let the tasks of a replay end; segments with a result keep it. UsageError if it is done. Idempotent."""
        if plans.load(self._vault, run).state is PlantReplayState.DONE:
            raise UsageError(f"replay {run} is done; there is nothing to cancel")
        plans.cancel(self._vault, run, actor=self._actor)
        return plans.load(self._vault, run)

    def _carry_out(
        self, replay: PlantReplay, scheduler: Scheduler | None, processes: int, on_progress: OnProgress | None
    ) -> PlantReplayResult:
        has_result = plans.with_result(self._vault, replay.run)
        planned = list(plans.segments(self._vault, replay.run))
        left = [each for each in planned if each.key not in has_result]
        done, unread = replay.entries - sum(each.entries for each in left), dict[str, str]()
        if on_progress:
            on_progress(done, replay.entries)
        with closing(self._ended(self._tasks(replay, left), scheduler, processes)) as ended:
            for task, outcome in ended:
                if outcome is Outcome.CANCELLED:
                    break
                if isinstance(outcome, Exception):
                    unread[task.segment.key] = str(outcome)
                    continue
                done += task.segment.entries
                if on_progress:
                    on_progress(done, replay.entries)
        found = summarize(self._vault, plans.load(self._vault, replay.run))
        reasons = [f"{key}: {why}" for key, why in unread.items()]
        return replace(found, unread=tuple(reasons[:_MOST_UNREAD]))

    def _tasks(self, replay: PlantReplay, left: Iterable[PlannedSegment]) -> Iterator[Task]:
        wanted = planning.Wanted(
            converter_name=replay.converter_name, from_date=replay.from_date, to_date=replay.to_date
        )
        for segment in left:
            yield Task(run=replay.run, software=replay.software, wanted=wanted, code=replay.code, segment=segment)

    def _ended(
        self, tasks: Iterator[Task], scheduler: Scheduler | None, processes: int
    ) -> Generator[Ended, None, None]:
        if scheduler is None:
            return ended_here(tasks, self._settings, processes or os.cpu_count() or 2)
        from pywats_archive.plant.replaying.engines.distributing import ended_there  # noqa: PLC0415 (needs the extra)

        return ended_there(tasks, self._settings, scheduler)
