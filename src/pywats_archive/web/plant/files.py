"""The files of an entry of a plant as downloads: each is fetched from the vault, and checked while it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client.contents import ArchivedFile
from pywats_archive.client.plant.files import PlantFiles, download
from pywats_archive.errors import UnknownEntry
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.content import (
    attachment_response,
    download_response,
    image_response,
    report_response,
    source_response,
)
from pywats_archive.web.documents import read_document
from pywats_archive.web.plant.entry import details_of, record_read
from pywats_archive.web.plant.site import plant_of
from pywats_archive.web.plant.turns import READS_VAULT
from pywats_archive.web.views.document import attachments

router = APIRouter(
    include_in_schema=False,
    prefix="/entries/{archive_uuid}/{archive_id}/files",
    dependencies=[needs(Action.READ), READS_VAULT],
)


@router.get("/source")
def source(request: Request, archive_uuid: str, archive_id: str) -> Response:
    """Send the source, or the tar of a folder."""
    content, files = _opened(request, archive_uuid, archive_id, lambda files: files.open_source(), "source.read")
    return source_response(content, files.entry, request.headers.get("range"))


@router.get("/companion")
def companion(request: Request, archive_uuid: str, archive_id: str, name: str) -> Response:
    """Send a companion."""
    content, _ = _opened(
        request, archive_uuid, archive_id, lambda files: files.open_companion("", name), "source.read", companion=name
    )
    return download_response(content, name)


@router.get("/image")
def image(request: Request, archive_uuid: str, archive_id: str) -> Response:
    """Show the source, if it is an image."""
    content, _ = _opened(request, archive_uuid, archive_id, lambda files: files.open_source(), "source.read")
    return image_response(content)


@router.get("/reports/{number}")
def report(request: Request, archive_uuid: str, archive_id: str, number: int) -> Response:
    """Send the exact JSON of a report."""
    return report_response(_report(request, archive_uuid, archive_id, number))


@router.get("/reports/{number}/attachments/{which}")
def attachment(request: Request, archive_uuid: str, archive_id: str, number: int, which: int) -> Response:
    """Send a file inside a report, counted from 1: an image as such, all else as a download."""
    with _report(request, archive_uuid, archive_id, number, attachment=which) as content:
        document: Mapping[str, Any] = read_document(content).fields
    found = attachments.content_of(document, which)
    if found is None:
        raise UnknownEntry(f"{archive_id}: report {number} has no attachment {which} that can be read")
    return attachment_response(*found)


def _report(request: Request, archive_uuid: str, archive_id: str, number: int, **more: object) -> ArchivedFile:
    content, _ = _opened(
        request,
        archive_uuid,
        archive_id,
        lambda files: files.open_report("", number),
        "report.read",
        number=number,
        **more,
    )
    return content


def _opened(
    request: Request,
    archive_uuid: str,
    archive_id: str,
    opened: Callable[[PlantFiles], ArchivedFile],
    kind: str,
    **more: object,
) -> tuple[ArchivedFile, PlantFiles]:
    site = plant_of(request)
    details, vault = details_of(site, archive_uuid, archive_id)
    record_read(request, details, kind, **more)
    return download(details, vault, opened, config=site.config)
