"""The pages and the API of a station."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp

from pywats_archive.client import Client
from pywats_archive.client.vault.holding import with_cache
from pywats_archive.web.access.gate import Access
from pywats_archive.web.access.records import Records
from pywats_archive.web.api import audit as audit_api
from pywats_archive.web.api import entries as entries_api
from pywats_archive.web.api import integrity as integrity_api
from pywats_archive.web.api import purges as purges_api
from pywats_archive.web.api import retention as retention_api
from pywats_archive.web.api import runs as runs_api
from pywats_archive.web.api import settings as settings_api
from pywats_archive.web.api import station as station_api
from pywats_archive.web.api import status as status_api
from pywats_archive.web.bulk import api as bulk_api
from pywats_archive.web.bulk import pages as bulk
from pywats_archive.web.frame.assembly import assembled
from pywats_archive.web.jobs.running import Jobs
from pywats_archive.web.pages import archives, audit, compare, entry, integrity, overview, retention, runs, signin
from pywats_archive.web.pages.settings import shown as settings_page
from pywats_archive.web.pages.settings import wizard
from pywats_archive.web.server import PageServer, Served
from pywats_archive.web.settings import WebSettings
from pywats_archive.web.station import Station
from pywats_archive.web.users import api as users_api
from pywats_archive.web.users import pages as users_pages
from pywats_archive.web.verification import Verification

ROUTERS = (
    entries_api.router,
    audit_api.router,
    runs_api.router,
    station_api.router,
    status_api.router,
    retention_api.router,
    purges_api.router,
    integrity_api.router,
    bulk_api.router,
    settings_api.router,
    overview.router,
    bulk.router,
    archives.router,
    entry.router,
    compare.router,
    runs.router,
    retention.router,
    integrity.router,
    audit.router,
    settings_page.router,
    wizard.router,
    users_api.router,
    users_api.own,
    users_pages.router,
    users_pages.own,
    signin.router,
)


def create_app(station: Station, settings: WebSettings) -> ASGIApp:
    """Put the pages and the API of a station together."""
    return assembled(station, ROUTERS, settings, openapi_url="/api/v1/openapi.json")


def station_server(client: Client, settings: WebSettings, *, folder: Path) -> PageServer:
    """Return the server of the pages of one station; errors as ``PageServer``."""
    records = Records(lambda kind, actor, details: client.record_event(kind, actor=actor, details=details))

    def create(access: Access, is_stopping: Callable[[], bool]) -> Served:
        verification, jobs = Verification(client.verify, client.count_files), Jobs()
        cached, cache = with_cache(client)
        station = Station(
            client=cached,
            access=access,
            name=socket.gethostname(),
            verification=verification,
            jobs=jobs,
            is_stopping=is_stopping,
        )
        return Served(app=create_app(station, settings), closed=(jobs, verification, cache))

    return PageServer(create, records, settings, folder=folder, owner=client.actor.removeprefix("os:"))
