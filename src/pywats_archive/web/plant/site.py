"""What every route of a plant works with: its index, and the questions that are answered at once."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import ClassVar, TypeVar

from starlette.requests import Request

from pywats_archive.client.plant.index import Plant
from pywats_archive.client.plant.state import PlantState
from pywats_archive.errors import TooManyAtOnce
from pywats_archive.web.frame.site import Section, Site, site_of

Answer = TypeVar("Answer")
WITHIN_S = 20.0
"""How long the questions of one page may take."""
MOST_VAULT_READS = 2
"""A vault may never answer: two threads wait for it at most."""
_LOOK_UPS, _SEARCHES = 2, 1
"""Each has an own connection, with the memory that ``plant/duck.py`` sets."""


@dataclass(frozen=True, kw_only=True)
class PlantSite(Site):
    """One plant behind its pages."""

    KIND: ClassVar[str] = "plant"
    SECTIONS: ClassVar[tuple[Section, ...]] = (
        Section(address="/", name="Overview"),
        Section(address="/archives", name="Archives"),
    )

    plant: Plant
    config: Path | None = None
    """The configuration with the keys of the vault; the keys of encrypted archives are beside it."""
    within_s: float = WITHIN_S
    look_ups: Semaphore = field(default_factory=lambda: Semaphore(_LOOK_UPS))
    """The pages that are made at once, without searches."""
    searches: Semaphore = field(default_factory=lambda: Semaphore(_SEARCHES))
    """The searches that are made at once."""

    vault_reads: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_VAULT_READS))
    """The files that are read from the vault at once."""

    @contextmanager
    def vault_read(self) -> Iterator[None]:
        """Count as one of the reads from the vault; TooManyAtOnce if all are in use."""
        if not self.vault_reads.acquire(blocking=False):
            raise TooManyAtOnce(
                f"{MOST_VAULT_READS} files are being read from the vault already; try again when one has been read"
            )
        try:
            yield
        finally:
            self.vault_reads.release()

    def read(self, question: Callable[[PlantState], Answer]) -> Answer:
        """Ask one state of the index, within the time limit of a page."""
        return self.plant.read(question, within_s=self.within_s)


def plant_of(request: Request) -> PlantSite:
    """Return the plant that a request is for."""
    site = site_of(request)
    assert isinstance(site, PlantSite)
    return site
