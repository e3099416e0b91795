"""The first page: what needs attention, and the figures of the station."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.web.pages.rendering import page
from pywats_archive.web.station import station_of

router = APIRouter(include_in_schema=False)


@router.get("/")
def overview(request: Request) -> Response:
    """Show alerts, the service and the figures of each converter."""
    client = station_of(request).client
    figures, status = client.statistics(), client.status()
    return page(request, "overview.html", figures=figures, status=status)
