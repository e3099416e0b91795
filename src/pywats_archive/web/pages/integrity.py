"""The Integrity page: what the service found, when everything was read last, and a check on request."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.models.event import EventFilter
from pywats_archive.models.time import utc_now
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.pages.vault import vault_of
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.verification import Depth
from pywats_archive.web.views import integrity as view
from pywats_archive.web.views.words import visible
from pywats_archive.words.extent import erasures, extent
from pywats_archive.words.vault import findings as vault_findings
from pywats_archive.words.vault import waiting

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
LAST_READING = EventFilter(kinds=("integrity.checked",))
_DEPTHS = {
    Depth.QUICK: "Names, sizes and headers of all files",
    Depth.SAMPLE: "The same, and a tenth of the files from end to end",
    Depth.FULL: "Every file from end to end",
}


@router.get("/integrity")
def integrity(request: Request) -> Response:
    """Show findings, the last readings, and the check that runs or ran."""
    station = station_of(request)
    client, check = station.client, station.verification.state
    return page(
        request,
        "integrity.html",
        oldest_check=client.statistics().oldest_check,
        reading=next(iter(client.events(LAST_READING, limit=1).events), None),
        findings=view.findings(client.findings()),
        check=check,
        extents=[visible(line, most=2000) for each in check.histories for line in (extent(each), *erasures(each))]
        if check
        else (),
        problems=view.problems(check.problems) if check else (),
        vault=vault_of(client),
        waiting=waiting,
        vault_findings=partial(vault_findings, now=utc_now()),
        depths=_DEPTHS,
    )


@router.post("/integrity/check", dependencies=[needs(Action.VERIFY)])
def start(request: Request, depth: Annotated[Depth, Form()] = Depth.QUICK) -> Response:
    """Begin a check."""
    station_of(request).verification.start(depth, by=user_of(request))
    return RedirectResponse("/integrity", status_code=303)


@router.post("/integrity/stop", dependencies=[needs(Action.VERIFY)])
def stop(request: Request) -> Response:
    """Stop the running check."""
    station_of(request).verification.stop()
    return RedirectResponse("/integrity", status_code=303)
