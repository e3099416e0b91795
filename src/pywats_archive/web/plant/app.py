"""The pages of a plant, and the server that serves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp

from pywats_archive.client.plant.index import Plant
from pywats_archive.portable.event_log import note
from pywats_archive.portable.user import current_user
from pywats_archive.web.access.gate import Access
from pywats_archive.web.access.records import Records
from pywats_archive.web.frame.assembly import assembled
from pywats_archive.web.pages import signin
from pywats_archive.web.plant import archives, entry, files, overview
from pywats_archive.web.plant.site import PlantSite
from pywats_archive.web.server import PageServer, Served
from pywats_archive.web.settings import WebSettings

ROUTERS = (overview.router, archives.router, entry.router, files.router, signin.router)


def create_app(site: PlantSite, settings: WebSettings) -> ASGIApp:
    """Put the pages of a plant together; nothing in them changes anything."""
    return assembled(site, ROUTERS, settings)


def plant_server(plant: Plant, settings: WebSettings, *, folder: Path, config: Path | None = None) -> PageServer:
    """Return the server of the pages of a plant; errors as ``PageServer``, and those of an index that cannot be used.

    A plant has no history: who signed in, was refused or read a file is in the log.
    """
    vault = plant.read(lambda state: state.vault)
    records = Records(lambda kind, actor, details: note("plant.access", kind=kind, actor=actor, details=details))

    def create(access: Access, _is_stopping: Callable[[], bool]) -> Served:
        return Served(app=create_app(PlantSite(access=access, name=vault, plant=plant, config=config), settings))

    return PageServer(create, records, settings, folder=folder, owner=current_user())
