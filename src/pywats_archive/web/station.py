"""What every route works with: the client, who may use it, and the clock."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from starlette.requests import Request

from pywats_archive.client import Client
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.web.access.gate import Access
from pywats_archive.web.jobs.running import Jobs
from pywats_archive.web.launcher import Launcher
from pywats_archive.web.verification import Verification

_TURNS = 2
MOST_DOWNLOADS = 4
"""Zips of many entries that are sent at once: a large source of each lies in a temporary file meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Station:
    """One station behind its pages."""

    client: Client
    access: Access
    name: str
    """What the pages show as the station's name."""
    verification: Verification
    now: Clock = utc_now
    jobs: Jobs = field(default_factory=Jobs)
    """Actions over many entries."""
    launcher: Launcher = field(default_factory=Launcher)
    turns: Semaphore = field(default_factory=lambda: Semaphore(_TURNS))
    """The heavy answers that are made at once; see ``turns``."""
    downloads: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_DOWNLOADS))
    """The zips that are sent at once; released by whichever thread ends one."""
    is_stopping: Callable[[], bool] = bool
    """Whether the pages are about to end: streams end then."""


def station_of(request: Request) -> Station:
    """Return the station that a request is for, with archives that were created since."""
    station: Station = request.app.state.station
    station.client.open_new()
    return station


def user_of(request: Request) -> str:
    """Return the actor of a request, as the history names it; the gate ensures that somebody is signed in."""
    return str(request.state.person.actor)
