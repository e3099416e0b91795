"""Entries and what they hold, in JSON and as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from pywats_archive.errors import UnknownEntry
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.operation.replay import Change
from pywats_archive.models.query import Page
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import Limit, View, api_router
from pywats_archive.web.api.content import (
    attachment_response,
    download_response,
    image_response,
    report_response,
    source_response,
)
from pywats_archive.web.documents import read_document, require_comparable
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.turns import HAS_VAULT_FIELD, TAKES_TURN, client_in_turn, client_of_download, client_of_image
from pywats_archive.web.views.document import attachments
from pywats_archive.web.views.document.attachments import Attachment

router = api_router(needs(Action.READ))
Offset = Annotated[int, Query(ge=0, le=2**53)]


@router.get("/entries")
def find_entries(request: Request, view: View, limit: Limit = 100, offset: Offset = 0) -> Page[ArchiveEntry]:
    """Find entries; the query fields are those of the Archives page."""
    client = station_of(request).client
    return client.find(view.wanted(), limit=limit, offset=offset, after=view.after or None)


@router.get("/entries/{archive_id}")
def entry_details(request: Request, archive_id: str) -> dict[str, Any]:
    """Return an entry with its conversions, reports and events."""
    details = station_of(request).client.details(archive_id)
    return {
        "entry": details.entry,
        "conversions": details.conversions,
        "reports": details.reports,
        "events": details.events,
    }


@router.get("/entries/{archive_id}/source", response_class=Response)
def source(request: Request, archive_id: str) -> Response:
    """Return the bytes of a source, or the tar of a folder."""
    client = client_of_download(request)
    entry = client.details(archive_id).entry
    return source_response(client.open_source(archive_id, actor=user_of(request)), entry, request.headers.get("range"))


@router.get("/entries/{archive_id}/comparison", dependencies=[TAKES_TURN])
def comparison(
    request: Request, archive_id: str, number: int = 1, other_id: str | None = None, other_number: int = 1
) -> list[Change]:
    """Return every field in which another report differs from one of this entry."""
    client, actor = station_of(request).client, user_of(request)
    for each_id, each_number in ((archive_id, number), (other_id or archive_id, other_number)):
        for report in client.details(each_id).reports[each_number - 1 : each_number]:
            require_comparable(report)
    return list(client.compare_reports(archive_id, number, other_id, other_number, actor=actor))


@router.get("/entries/{archive_id}/image", response_class=Response, dependencies=[HAS_VAULT_FIELD])
def image(request: Request, archive_id: str) -> Response:
    """Return a source that is an image, as such; from the vault only with ``vault=yes``."""
    client = client_of_image(request)
    return image_response(client.open_source(archive_id, actor=user_of(request)))


@router.get("/entries/{archive_id}/companion", response_class=Response)
def companion(request: Request, archive_id: str, name: str) -> Response:
    """Return the bytes of a companion."""
    content = client_of_download(request).open_companion(archive_id, name, actor=user_of(request))
    return download_response(content, name.rpartition("/")[2])


@router.get("/entries/{archive_id}/reports/{number}", response_class=Response)
def report(request: Request, archive_id: str, number: int) -> Response:
    """Return the exact JSON of a report, counted from 1."""
    return report_response(client_of_download(request).open_report(archive_id, number, actor=user_of(request)))


@router.get("/entries/{archive_id}/reports/{number}/attachments", dependencies=[TAKES_TURN, HAS_VAULT_FIELD])
def report_attachments(request: Request, archive_id: str, number: int) -> list[Attachment]:
    """List the files inside a report; of one that was purged, with ``vault=yes``."""
    return list(attachments.attachments(_document(request, archive_id, number)))


@router.get(
    "/entries/{archive_id}/reports/{number}/attachments/{which}",
    response_class=Response,
    dependencies=[TAKES_TURN, HAS_VAULT_FIELD],
)
def report_attachment(request: Request, archive_id: str, number: int, which: int) -> Response:
    """Return a file inside a report, counted from 1: an image as such, all else as a download.

    Of a report that was purged, with ``vault=yes``.
    """
    found = attachments.content_of(_document(request, archive_id, number, which), which)
    if found is None:
        raise UnknownEntry(f"{archive_id}: report {number} has no attachment {which} that can be read")
    return attachment_response(*found)


def _document(request: Request, archive_id: str, number: int, attachment: int | None = None) -> Mapping[str, Any]:
    client, actor = client_in_turn(request), user_of(request)
    with client.open_report(archive_id, number, actor=actor, attachment=attachment) as content:
        return read_document(content).fields
