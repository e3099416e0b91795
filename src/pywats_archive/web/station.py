"""What every route works with: the client, who may use it, and the clock."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from starlette.requests import Request

from pywats_archive.client import Client
from pywats_archive.errors import TooManyAtOnce
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.web.access.gate import Access
from pywats_archive.web.jobs.running import Jobs
from pywats_archive.web.launcher import Launcher
from pywats_archive.web.verification import Verification

_TURNS = 2
MOST_DOWNLOADS = 4
"""Zips of many entries that are sent at once: a large source of each lies in a temporary file meanwhile."""
MOST_VAULT_READS = 2
"""Files that are read from the vault at once: fewer than the downloads, since a vault may never answer."""


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
    """The zips, and files from the vault, that are sent at once; released by whichever thread ends one."""
    vault_reads: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_VAULT_READS))
    """The files that are read from the vault at once."""
    is_stopping: Callable[[], bool] = bool
    """Whether the pages are about to end: streams end then."""

    @contextmanager
    def download(self) -> Iterator[None]:
        """Count as one of the downloads; TooManyAtOnce if all are in use."""
        if not self.downloads.acquire(blocking=False):
            raise TooManyAtOnce(f"{MOST_DOWNLOADS} downloads are being sent already; try again when one has ended")
        try:
            yield
        finally:
            self.downloads.release()

    @contextmanager
    def vault_read(self) -> Iterator[None]:
        """Count as one of the reads from the vault, and of the downloads; TooManyAtOnce if all are in use."""
        if not self.vault_reads.acquire(blocking=False):
            raise TooManyAtOnce(
                f"{MOST_VAULT_READS} files are being read from the vault already; try again when one has been read"
            )
        try:
            with self.download():
                yield
        finally:
            self.vault_reads.release()


def station_of(request: Request) -> Station:
    """Return the station that a request is for, with archives that were created since."""
    station: Station = request.app.state.station
    station.client.open_new()
    return station


def user_of(request: Request) -> str:
    """Return the actor of a request, as the history names it; the gate ensures that somebody is signed in."""
    return str(request.state.person.actor)
