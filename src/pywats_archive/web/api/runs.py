"""Runs in JSON, and their progress as server-sent events."""

from __future__ import annotations

import json
from asyncio import sleep, to_thread
from collections.abc import AsyncIterator
from dataclasses import asdict
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from pywats_archive.models.operation.replay import ItemResult, ReplayRequest, ReprocessingResult, Run
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.replaying import Choice, Progress, Replaying, replayed

router = APIRouter(prefix="/api/v1/runs", dependencies=[needs(Action.READ)])
_EACH_S = 0.5


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
    since: int | None = Field(default=None, ge=0)


class Started(BaseModel):
    """A run that was started."""

    run_id: int


@router.get("")
def latest(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Run]:
    """Return the latest runs, newest first."""
    replaying = Replaying(request)
    return list(replaying.client.runs(replaying.archive, limit=limit))


@router.get("/choice")
def choice(request: Request) -> Choice:
    """Count what a view would replay; its fields are those of the Archives page."""
    replaying = Replaying(request)
    return replaying.choice(replayed(replaying.view()))


@router.post("", status_code=202, dependencies=[needs(Action.REPLAY)])
def compare(request: Request, how: Compare) -> Started:
    """Start a comparison of the entries of a view."""
    replaying = Replaying(request)
    asked = ReplayRequest(
        use_current_converter=not how.original_converter, use_current_parameters=not how.original_parameters
    )
    return Started(run_id=replaying.compare(replayed(replaying.view()), asked, since=how.since))


@router.get("/{run_id}")
def result(request: Request, run_id: int) -> ReprocessingResult:
    """Return what a run did so far."""
    return Replaying(request).result(run_id)


@router.get("/{run_id}/progress")
def progress(request: Request, run_id: int) -> Progress:
    """Return the counts of a run."""
    return Replaying(request).progress(run_id)


@router.get("/{run_id}/changes")
def changes(request: Request, run_id: int, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000) -> list[ItemResult]:
    """Return the first entries that a run changed or skipped, with each change."""
    replaying = Replaying(request)
    return list(islice(replaying.client.changes(run_id, replaying.archive), limit))


@router.post("/{run_id}/send", status_code=202, dependencies=[needs(Action.REPLAY)])
def send(request: Request, run_id: int, how: Send) -> Started:
    """Send what a comparison found."""
    return Started(run_id=Replaying(request).send(run_id, reports=how.reports, reason=how.reason, since=how.since))


@router.post("/{run_id}/resume", status_code=202, dependencies=[needs(Action.REPLAY)])
def resume(request: Request, run_id: int) -> Progress:
    """Have the rest of a run carried out."""
    Replaying(request).resume(run_id)
    return Replaying(request).progress(run_id)


@router.post("/{run_id}/cancel", dependencies=[needs(Action.REPLAY)])
def cancel(request: Request, run_id: int) -> Progress:
    """Cancel a run after the entries in progress."""
    Replaying(request).cancel(run_id)
    return Replaying(request).progress(run_id)


@router.post("/{run_id}/take-back", status_code=202, dependencies=[needs(Action.REPLAY)])
def take_back(request: Request, run_id: int) -> Progress:
    """Have the entries of a run show their earlier conversions again."""
    Replaying(request).take_back(run_id)
    return Replaying(request).progress(run_id)


@router.get("/{run_id}/events", response_class=StreamingResponse)
async def events(request: Request, run_id: int) -> Response:
    """Stream the counts of a run whenever they change, until no process works on it."""
    replaying = Replaying(request)
    first = await to_thread(replaying.progress, run_id)
    return StreamingResponse(_stream(replaying, first), media_type="text/event-stream")


async def _stream(replaying: Replaying, now: Progress) -> AsyncIterator[str]:
    yield _event(now)
    while now.activity and not replaying.station.is_stopping():
        await sleep(_EACH_S)
        before, now = now, await to_thread(replaying.progress, now.run_id)
        if now != before:
            yield _event(now)


def _event(progress: Progress) -> str:
    return f"data: {json.dumps(asdict(progress))}\n\n"
