"""The page of one entry of a plant: what the index knows of it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.models.report import UnitResult
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.plant.site import plant_of
from pywats_archive.web.plant.turns import TAKES_TURN
from pywats_archive.web.views import words

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])


@router.get("/entries/{archive_uuid}/{archive_id}", dependencies=[TAKES_TURN])
def entry(request: Request, archive_uuid: str, archive_id: str) -> Response:
    """Show an entry of a station."""
    site = plant_of(request)
    details, vault = site.read(lambda state: (state.details(archive_uuid, archive_id), state.vault))
    found = details.entry
    return page(
        request,
        "plant/entry.html",
        entry=found,
        details=details,
        vault=vault,
        name=words.name_of(found),
        result=words.result_badge(found.result),
        converted=words.converted_badge(found.conversion_status),
        result_of=lambda text: words.result_badge(UnitResult.read(text)),
    )
