"""Who did what, in JSON: one event in a line, or as CSV for a spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import StreamingResponse

from pywats_archive.models.event import AuditCategory, EventFilter
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.lines import lines
from pywats_archive.web.station import station_of
from pywats_archive.words.audit_csv import csv_lines

router = APIRouter(prefix="/api/v1", dependencies=[needs(Action.AUDIT)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The fields of an address that choose events."""

    wanted: EventFilter
    newest: int | None


def asked(
    kinds: Annotated[list[str], Query(max_length=100)] = [],  # noqa: B006 (never changed)
    categories: Annotated[list[AuditCategory], Query(max_length=100)] = [],  # noqa: B006 (never changed)
    archive_id: str | None = None,
    actor: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str | None, Query(max_length=1000)] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    newest: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> Asked:
    """Read the fields of an address."""
    wanted = EventFilter(
        kinds=tuple(kinds),
        categories=tuple(categories),
        archive_id=archive_id,
        actor=actor,
        text=text,
        since=since,
        until=until,
    )
    return Asked(wanted=wanted, newest=newest)


@router.get("/audit", response_class=StreamingResponse)
def audit(request: Request, chosen: Annotated[Asked, Depends(asked)]) -> StreamingResponse:
    """Return the events that match, oldest first, a line each; without kinds and categories, all that are audited."""
    return lines(request, station_of(request).client.audit(chosen.wanted, newest=chosen.newest))


@router.get("/audit.csv", response_class=StreamingResponse)
def audit_csv(request: Request, chosen: Annotated[Asked, Depends(asked)]) -> StreamingResponse:
    """Return the same events as CSV, times in UTC."""
    found = station_of(request).client.audit(chosen.wanted, newest=chosen.newest)
    headers = {"content-disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(csv_lines(found), media_type="text/csv; charset=utf-8", headers=headers)
