"""What every page works with, whether it shows a station or a plant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request

from pywats_archive.models.time import Clock, utc_now
from pywats_archive.web.access.gate import Access
from pywats_archive.web.views.overview import Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A link in the head of each page."""

    address: str
    name: str
    right: str = "read"
    """What a person must be allowed to do to see it."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One station, or one plant, behind its pages."""

    KIND: ClassVar[str]
    """What the pages call it."""
    SECTIONS: ClassVar[tuple[Section, ...]]
    HAS_ACCOUNTS: ClassVar[bool] = False
    """Whether people change their passwords in these pages."""

    access: Access
    name: str
    """What the pages show as its name."""
    now: Clock = utc_now

    def glance(self) -> Line | None:
        """Return a line for the head of each page; None if there is nothing to say."""
        return None

    def refresh(self) -> None:
        """Find what is new since the last request."""


def site_of(request: Request) -> Site:
    """Return what a request is for."""
    site: Site = request.app.state.site
    site.refresh()
    return site
