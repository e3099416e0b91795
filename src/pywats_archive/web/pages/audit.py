"""The page of the audit trail: who did what, newest first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client import Client
from pywats_archive.errors import UnknownEntry, UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import AuditPage, RecordedEvent
from pywats_archive.models.query import EntryFilter
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of
from pywats_archive.web.views.address import view_of
from pywats_archive.web.views.audit import phrases
from pywats_archive.web.views.audit.address import AuditView, api_query

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.AUDIT)])
_PAGE = 50
_NOTHING = AuditPage(events=(), older=None)


@router.get("/integrity/audit")
def audit(request: Request) -> Response:
    """Show the events that the address asks for."""
    client, view, wrong = station_of(request).client, view_of(AuditView, request.query_params), ""
    found, same = _NOTHING, ""
    try:
        wanted = view.wanted(client.resolve(view.entry, newest=True) if view.entry else None)
        found, same = client.audit_page(wanted, limit=_PAGE, before=view.before or None), api_query(wanted)
    except (UnknownEntry, UsageError) as exc:
        wrong = str(exc)
    return page(
        request,
        "audit.html",
        code=422 if wrong else 200,
        view=view,
        wrong=wrong,
        rows=phrases.rows(found.events, _entries(client, found.events)),
        categories={each.value: label for each, label in phrases.CATEGORIES.items()},
        is_of_several=len(client.roots) > 1,
        same=same,
        older=view.query(before=found.older) if found.older else "",
        newest=view.query() if view.before else None,
    )


def _entries(client: Client, events: tuple[RecordedEvent, ...]) -> dict[str, ArchiveEntry]:
    """Return the entries that events concern, by their ids."""
    ids = tuple({event.archive_id for event in events if event.archive_id})
    found = client.find(EntryFilter(archive_ids=ids), limit=len(ids)).items if ids else ()
    return {entry.archive_id: entry for entry in found}
