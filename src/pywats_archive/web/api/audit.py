"""Who did what, in JSON: one event in a line, or as CSV for a spreadsheet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from starlette.responses import StreamingResponse

from pywats_archive.models.event import AuditCategory, AuditPage, EventFilter
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.api.lines import lines
from pywats_archive.web.station import station_of
from pywats_archive.words.audit_csv import csv_lines

router = api_router(needs(Action.AUDIT))


def asked(
    kinds: Annotated[list[str], Query(max_length=100)] = [],  # noqa: B006 (never changed)
    categories: Annotated[list[AuditCategory], Query(max_length=100)] = [],  # noqa: B006 (never changed)
    archive_id: str | None = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str | None, Query(max_length=1000)] = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> EventFilter:
    """Read the fields of an address that choose events."""
    return EventFilter(
        kinds=tuple(kinds),
        categories=tuple(categories),
        archive_id=archive_id,
        actor=actor,
        text=text,
        since=since,
        until=until,
    )


Asked = Annotated[EventFilter, Depends(asked)]
Newest = Annotated[int | None, Query(ge=1, le=2**31)]


@router.get("/audit", response_class=StreamingResponse)
def audit(request: Request, wanted: Asked, newest: Newest = None) -> StreamingResponse:
    """Return the events that match, oldest first, a line each; without kinds and categories, all that are audited."""
    return lines(request, station_of(request).client.audit(wanted, newest=newest))


@router.get("/audit/page")
def audit_page(
    request: Request,
    wanted: Asked,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    before: Annotated[str | None, Query(max_length=10_000)] = None,
) -> AuditPage:
    """Return the newest events that match, newest first; those behind ``older`` of an earlier answer, if ``before`` has it."""
    return station_of(request).client.audit_page(wanted, limit=limit, before=before)


@router.get("/audit.csv", response_class=StreamingResponse)
def audit_csv(request: Request, wanted: Asked, newest: Newest = None) -> StreamingResponse:
    """Return the same events as CSV, times in UTC."""
    found = station_of(request).client.audit(wanted, newest=newest)
    headers = {"content-disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(csv_lines(found), media_type="text/csv; charset=utf-8", headers=headers)
