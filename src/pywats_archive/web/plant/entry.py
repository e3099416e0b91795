"""The page of one entry of a plant: what the index knows of it, and its files, read from the vault once a person asks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client.plant.files import files_of
from pywats_archive.errors import ArchiveError, TooManyAtOnce
from pywats_archive.models.plant.entry import PlantEntryDetails
from pywats_archive.models.report import UnitResult
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.pages import source
from pywats_archive.web.pages.entry import report_of
from pywats_archive.web.plant.site import PlantSite, plant_of
from pywats_archive.web.plant.turns import FILE_TABS, TAKES_TURN
from pywats_archive.web.station import user_of
from pywats_archive.web.views import words

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
TABS = ("about", *FILE_TABS)


@router.get("/entries/{archive_uuid}/{archive_id}", dependencies=[TAKES_TURN])
def entry(request: Request, archive_uuid: str, archive_id: str) -> Response:
    """Show an entry of a station; ``tab`` says which part, ``report`` which of its reports."""
    site = plant_of(request)
    details, vault = details_of(site, archive_uuid, archive_id)
    found, asked = details.entry, request.query_params.get("tab", "")
    tab = asked if asked in TABS else TABS[0]
    shown: dict[str, Any] = {"problem": "", "report": None, "source": None, "number": 0, "companions": ()}
    if tab in FILE_TABS:
        shown |= _files(request, site, details, vault, tab)
    return page(
        request,
        "plant/entry.html",
        **shown,
        entry=found,
        details=details,
        vault=vault,
        tabs=TABS,
        tab=tab,
        name=words.name_of(found),
        result=words.result_badge(found.result),
        converted=words.converted_badge(found.conversion_status),
        result_of=lambda text: words.result_badge(UnitResult.read(text)),
    )


def details_of(site: PlantSite, archive_uuid: str, archive_id: str) -> tuple[PlantEntryDetails, str]:
    """Return an entry with its reports, and the vault that has its files."""
    return site.read(lambda state: (state.details(archive_uuid, archive_id), state.vault))


def record_read(request: Request, details: PlantEntryDetails, kind: str, **more: object) -> None:
    """Note in the log who reads a file."""
    known = {"station": details.entry.archive_uuid, "archive_id": details.entry.archive_id}
    plant_of(request).access.records.note(kind, user_of(request), **known, **more)


def _files(request: Request, site: PlantSite, details: PlantEntryDetails, vault: str, tab: str) -> dict[str, Any]:
    """Read what a tab shows from the vault; why that is not possible is on the page too."""
    try:
        with files_of(details, vault, config=site.config) as files:
            if tab == "report":
                number = _number(request.query_params.get("report", ""), len(details.reports))
                record_read(request, details, "report.read", number=number)
                report = report_of(request, files, details.entry, details.reports, number)
                return {"report": report, "number": number}
            record_read(request, details, "source.read")
            looked = source.look(files, files.entry, request.query_params, actor=user_of(request))
            return {"source": looked, "companions": files.entry.companions}
    except TooManyAtOnce:
        raise
    except ArchiveError as exc:  # the index has the rest of the page
        return {"problem": words.visible(exc, most=1000)}


def _number(text: str, count: int) -> int:
    return int(text[:9]) if text.isdecimal() and 0 < int(text[:9]) <= count else min(1, count)
