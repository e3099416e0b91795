"""The Archives page of a plant: find entries of all stations."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client.plant.state import PlantState
from pywats_archive.models.plant.entry import PlantEntry, PlantFilter
from pywats_archive.models.plant.station import PlantStation
from pywats_archive.models.query import Page
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.pages.archives import choices, count_of, row_of
from pywats_archive.web.plant.site import plant_of
from pywats_archive.web.plant.turns import TAKES_TURN
from pywats_archive.web.views.address import view_of
from pywats_archive.web.views.plant.address import PlantView, key_of
from pywats_archive.web.views.words import quoted

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_PAGE = 50


@router.get("/archives", dependencies=[TAKES_TURN])
def archives(request: Request) -> Response:
    """Show the entries that the address asks for."""
    site, view = plant_of(request), view_of(PlantView, request.query_params)
    wanted = view.wanted()

    def asked(state: PlantState) -> tuple[Page[PlantEntry], list[str], tuple[PlantStation, ...]]:
        found = state.find(wanted, limit=_PAGE, after=view.after or None)
        return found, state.converters(), state.known_stations()

    found, converters, stations = site.read(asked)
    return page(
        request,
        "plant/archives.html",
        view=view,
        rows=[row_of(each, now=site.now(), address=address_of(each), station=each.station) for each in found.items],
        count=count_of(found, is_all=wanted == PlantFilter()),
        next=view.query(after=found.next) if found.next else "",
        first=view.query() if view.after else None,
        converters=converters,
        stations=[key_of(each, stations) for each in stations],
        **choices(view, site.now().astimezone().date()),
    )


def address_of(entry: PlantEntry) -> str:
    """Return the address of an entry: an id names it within its archive only."""
    return f"/entries/{quoted(entry.archive_uuid)}/{quoted(entry.archive_id)}"
