"""The station itself in JSON: its archives and converters, its history, and where a file is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from pywats_archive.errors import UsageError
from pywats_archive.models.event import EventFilter, EventPage
from pywats_archive.models.operation.service import ServiceStatus
from pywats_archive.models.operation.status import VanishedSource
from pywats_archive.models.operation.whereabouts import Watcher, Whereabouts
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.station import station_of, user_of

router = api_router(needs(Action.READ))
Name = Annotated[str, Query(min_length=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Which station this is, and who asks."""

    archives: tuple[Path, ...]
    config: Path | None
    """The configuration that replays use; None if the pages show archives alone."""
    actor: str
    """The name that the history has for whoever asks."""


class Acknowledgement(BaseModel):
    """The vanished sources that a person knows of."""

    model_config = ConfigDict(extra="forbid")
    names: list[str] = Field(min_length=1)
    """Their numbers, paths or file names, or ``all``."""
    reason: str | None = Field(default=None, max_length=1000)


@router.get("/station")
def station(request: Request) -> Place:
    """Return the folders of the archives, the configuration, and the name of whoever asks."""
    client = station_of(request).client
    return Place(archives=client.roots, config=client.config, actor=user_of(request))


@router.get("/converters")
def converters(request: Request) -> tuple[str, ...]:
    """Return the names of all converters."""
    return station_of(request).client.converters()


@router.get("/services")
def services(request: Request) -> tuple[ServiceStatus, ...]:
    """Return for each archive whether a service works on it."""
    return station_of(request).client.services()


@router.get("/resolve")
def resolve(request: Request, text: Name, newest: bool = False) -> str:
    """Return the id of the entry that a text names: an id or a part of one, a serial number, a path or a file name."""
    return station_of(request).client.resolve(text, newest=newest)


@router.get("/where-is")
def where_is(request: Request, text: Name) -> Whereabouts:
    """Find a source by path, name or serial number."""
    return station_of(request).client.where_is(text)


@router.get("/watchers")
def watchers(request: Request, path: Name) -> tuple[Watcher, ...]:
    """Return the converters that watch the folder of a file."""
    return station_of(request).client.watchers_of(path)


@router.get("/events")
def events(
    request: Request,
    kinds: Annotated[list[str], Query(max_length=100)] = [],  # noqa: B006 (never changed)
    archive_id: str | None = None,
    since: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: Annotated[str | None, Query(description="The positions of an earlier answer, as JSON.")] = None,
) -> EventPage:
    """Return the newest events that match, oldest first; behind the positions of an earlier answer if there are any."""
    wanted = EventFilter(kinds=tuple(kinds), archive_id=archive_id, since=since)
    return station_of(request).client.events(wanted, limit=limit, after=_positions(after))


@router.post("/vanished/acknowledge", dependencies=[needs(Action.ACKNOWLEDGE)])
def acknowledge(request: Request, known: Acknowledgement) -> tuple[VanishedSource, ...]:
    """Record that a person knows of sources that vanished."""
    return station_of(request).client.acknowledge(known.names, reason=known.reason, actor=user_of(request))


def _positions(text: str | None) -> dict[Path, int] | None:
    if text is None:
        return None
    try:
        return {Path(folder): int(number) for folder, number in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as exc:
        raise UsageError(f"after = {text[:80]!a}: must be the positions of an earlier answer, as JSON") from exc
