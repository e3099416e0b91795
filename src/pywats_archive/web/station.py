"""What every route of a station works with: the client, and what is counted or running."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import ClassVar

from starlette.requests import Request

from pywats_archive.client import Client
from pywats_archive.errors import ArchiveError, TooManyAtOnce
from pywats_archive.web.frame.site import Section, Site, site_of
from pywats_archive.web.jobs.running import Jobs
from pywats_archive.web.launcher import Launcher
from pywats_archive.web.verification import Verification
from pywats_archive.web.views.overview import Line, glance

_TURNS = 2
MOST_DOWNLOADS = 4
"""Zips of many entries that are sent at once: a large source of each lies in a temporary file meanwhile."""
MOST_VAULT_READS = 2
"""Files that are read from the vault at once: fewer than the downloads, since a vault may never answer."""


@dataclass(frozen=True, kw_only=True)
class Station(Site):
    """One station behind its pages."""

    KIND: ClassVar[str] = "station"
    HAS_ACCOUNTS: ClassVar[bool] = True
    SECTIONS: ClassVar[tuple[Section, ...]] = (
        Section(address="/", name="Overview"),
        Section(address="/archives", name="Archives"),
        Section(address="/runs", name="Reprocess"),
        Section(address="/retention", name="Retention"),
        Section(address="/integrity", name="Integrity"),
        Section(address="/settings", name="Settings"),
        Section(address="/users", name="Users", right="users"),
    )

    client: Client
    verification: Verification
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

    def glance(self) -> Line | None:
        """Return the state of the service; None if the archive cannot be read, which the page says itself."""
        try:
            return glance(self.client.pulse())
        except ArchiveError:
            return None

    def refresh(self) -> None:
        """Open archives that were created since."""
        self.client.open_new()

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
    site = site_of(request)
    assert isinstance(site, Station)
    return site


def user_of(request: Request) -> str:
    """Return the actor of a request, as the history names it; the gate ensures that somebody is signed in."""
    return str(request.state.person.actor)
