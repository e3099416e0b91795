"""Runs in JSON, and their progress as server-sent events."""

from __future__ import annotations

import json
from asyncio import sleep, to_thread
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from pathlib import Path as FolderPath
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.replay import ItemResult, ReplayRequest, ReprocessingResult, Rollback, Run
from pywats_archive.models.operation.replay_mode import ReplayMode
from pywats_archive.models.query import Page
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import Archive, Limit, View, api_router
from pywats_archive.web.api.lines import lines
from pywats_archive.web.replaying import Choice, Planned, Progress, Replaying, replayed
from pywats_archive.web.station import Station, station_of


def _archive(archive: Archive = None) -> None:
    """Describe the field; ``Replaying`` reads it."""


router = api_router(needs(Action.READ), Depends(_archive), prefix="/runs")
RunId = Annotated[int, Path(ge=0, le=2**53)]
Processes = Annotated[int, Query(ge=0, le=64, description="0 is one per core.")]
_EACH_S, _LOOKS = 0.5, 10
"""The time between two events, and how often the pages' own end is looked for meanwhile."""


class Compare(BaseModel):
    """How entries are compared."""

    model_config = ConfigDict(extra="forbid")
    original_converter: bool = False
    original_parameters: bool = False
    since: int | None = Field(default=None, ge=0)
    """A run with a higher number and the same request is the one: what is sent twice starts once."""


class Send(BaseModel):
    """The confirmation of a sending."""

    model_config = ConfigDict(extra="forbid")
    reports: int
    """The number of reports that the comparison would send."""
    reason: str = Field(default="", max_length=1000)
    """Why reports may be sent whose result changes; without one they are held back."""


class Plan(BaseModel):
    """The entries of a run, by their ids, as another run has them, or else by a view; and how they are replayed."""

    model_config = ConfigDict(extra="forbid")
    request: ReplayRequest = Field(default_factory=ReplayRequest)
    archive_ids: list[str] | None = None
    run_id: int | None = Field(default=None, ge=0, le=2**53)
    mode: ReplayMode = ReplayMode.ALL
    """Which entries of a view."""
    since: int | None = Field(default=None, ge=0)


class Named(BaseModel):
    """Entries whose replay is estimated."""

    model_config = ConfigDict(extra="forbid")
    archive_ids: list[str] = Field(min_length=1)
    processes: int = Field(default=0, ge=0, le=64)


class Started(BaseModel):
    """A run that was started."""

    run_id: int


@router.get("")
def latest(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Run]:
    """Return the latest runs, newest first."""
    replaying = Replaying(request)
    return list(replaying.client.runs(replaying.archive, limit=limit))


@router.get("/choice")
def choice(request: Request, view: View) -> Choice:
    """Count what a view would replay; its fields are those of the Archives page."""
    return Replaying(request).choice(replayed(view))


@router.get("/replayable")
def replayable(request: Request, view: View, limit: Limit = 200) -> Page[ArchiveEntry]:
    """Return the first entries of a view that can be replayed, and the number of all of them."""
    replaying = Replaying(request)
    return replaying.client.replayable(view.wanted(), replaying.archive, limit=limit)


@router.get("/replaying")
def is_replaying(request: Request) -> bool:
    """Return whether a process carries out a run now."""
    replaying = Replaying(request)
    return replaying.client.is_replaying(replaying.archive)


@router.post("/archive", dependencies=[needs(Action.PREVIEW)])
def archive_of(request: Request, named: Named) -> FolderPath:
    """Return the folder of the archive that has these entries."""
    return station_of(request).client.archive_of(named.archive_ids)


@router.post("/estimate", dependencies=[needs(Action.PREVIEW)])
def estimate(request: Request, named: Named) -> timedelta:
    """Estimate how long a replay takes."""
    return station_of(request).client.estimate_replay(named.archive_ids, processes=named.processes)


@router.post("/plan", status_code=201, dependencies=[needs(Action.REPLAY)])
def plan(request: Request, view: View, how: Plan) -> Planned:
    """Record a run, which ``resume`` has carried out."""
    chosen = view.wanted() if how.run_id is None else how.run_id
    wanted = chosen if how.archive_ids is None else how.archive_ids
    return Replaying(request).plan(wanted, how.request, mode=how.mode, since=how.since)


@router.post("", status_code=202, dependencies=[needs(Action.REPLAY)])
def compare(request: Request, view: View, how: Compare) -> Started:
    """Start a comparison of the entries of a view."""
    asked = ReplayRequest(
        use_current_converter=not how.original_converter, use_current_parameters=not how.original_parameters
    )
    return Started(run_id=Replaying(request).compare(replayed(view), asked, since=how.since))


@router.get("/{run_id:int}")
def result(request: Request, run_id: RunId) -> ReprocessingResult:
    """Return what a run did so far."""
    return Replaying(request).result(run_id)


@router.get("/{run_id:int}/progress")
def progress(request: Request, run_id: RunId) -> Progress:
    """Return the counts of a run."""
    return Replaying(request).progress(run_id)


@router.get("/{run_id:int}/counts")
def counts(request: Request, run_id: RunId) -> Run:
    """Return a run with its request and its counts."""
    replaying = Replaying(request)
    return replaying.client.run_progress(run_id, replaying.archive)


@router.get("/{run_id:int}/items", response_class=StreamingResponse)
def items(request: Request, run_id: RunId, unchanged: bool = False) -> StreamingResponse:
    """Return each entry that a run changed or skipped, with ``unchanged`` every entry: one in each line."""
    replaying = Replaying(request)
    return lines(request, replaying.client.changes(run_id, replaying.archive, unchanged=unchanged))


@router.get("/{run_id:int}/changes")
def changes(request: Request, run_id: RunId, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000) -> list[ItemResult]:
    """Return the first entries that a run changed or skipped, with each change."""
    replaying = Replaying(request)
    return list(islice(replaying.client.changes(run_id, replaying.archive), limit))


@router.post("/{run_id:int}/send", status_code=202, dependencies=[needs(Action.REPLAY)])
def send(request: Request, run_id: RunId, how: Send) -> Started:
    """Send what a comparison found; asked again, with the same reason, the answer is the same run."""
    return Started(run_id=Replaying(request).send(run_id, reports=how.reports, reason=how.reason))


@router.post("/{run_id:int}/resume", status_code=202, dependencies=[needs(Action.REPLAY)])
def resume(request: Request, run_id: RunId, processes: Processes = 0) -> Progress:
    """Have the rest of a run carried out."""
    Replaying(request).resume(run_id, processes=processes)
    return Replaying(request).progress(run_id)


@router.post("/{run_id:int}/cancel", dependencies=[needs(Action.REPLAY)])
def cancel(request: Request, run_id: RunId) -> Progress:
    """Cancel a run after the entries in progress."""
    Replaying(request).cancel(run_id)
    return Replaying(request).progress(run_id)


@router.post("/{run_id:int}/take-back", status_code=202, dependencies=[needs(Action.REPLAY)])
def take_back(request: Request, run_id: RunId) -> Progress:
    """Have the entries of a run show their earlier conversions again."""
    Replaying(request).take_back(run_id)
    return Replaying(request).progress(run_id)


@router.post("/{run_id:int}/roll-back", dependencies=[needs(Action.REPLAY)])
def roll_back(request: Request, run_id: RunId) -> tuple[Rollback, ...]:
    """Let every entry of a run show its earlier conversion again, and return what became of each."""
    return Replaying(request).roll_back(run_id)


@router.get("/{run_id:int}/events", response_class=StreamingResponse)
async def events(request: Request, run_id: RunId) -> Response:
    """Stream the counts of a run whenever they change, until no process works on it."""
    replaying = Replaying(request)
    first = await to_thread(replaying.progress, run_id)
    return StreamingResponse(_stream(replaying, first), media_type="text/event-stream")


async def _stream(replaying: Replaying, now: Progress) -> AsyncIterator[str]:
    yield _event(now)
    while now.activity and not await _is_over(replaying.station):
        before, now = now, await to_thread(replaying.progress, now.run_id)
        if now != before:
            yield _event(now)


async def _is_over(station: Station) -> bool:
    """Wait for the time between two events; return at once, with True, when the pages are about to end."""
    for _ in range(_LOOKS):
        if station.is_stopping():
            return True
        await sleep(_EACH_S / _LOOKS)
    return station.is_stopping()


def _event(progress: Progress) -> str:
    return f"data: {json.dumps(asdict(progress))}\n\n"
