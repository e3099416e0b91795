"""The first page of a plant: who stopped shipping, the stations, and failure rates side by side."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client.plant.state import PlantState
from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.plant.figures import PlantRate
from pywats_archive.models.plant.station import PlantStations
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.plant.site import plant_of
from pywats_archive.web.plant.turns import TAKES_TURN
from pywats_archive.web.views.address import view_of
from pywats_archive.web.views.plant import rates, stations
from pywats_archive.web.views.plant.address import GROUPS, SPANS, OverviewView

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_Read = tuple[PlantStations, tuple[PlantRate, ...], tuple[PlantRate, ...]]


@router.get("/", dependencies=[TAKES_TURN])
def overview(request: Request) -> Response:
    """Show the stations of the plant; ``days`` and ``by`` say what is compared."""
    site, view = plant_of(request), view_of(OverviewView, request.query_params)
    since = view.since(site.now().astimezone().date())

    def asked(state: PlantState) -> _Read:
        wanted = PlantFilter(from_date=since)
        by_converter = state.statistics(wanted).rates
        compared = by_converter if view.by == "converter" else state.statistics(wanted, by=view.by).rates
        return state.stations(), by_converter, compared

    found, by_converter, compared = site.read(asked)
    first = str(since or "")
    rows = stations.rows(found.stations, by_converter, since=first)
    return page(
        request,
        "plant/overview.html",
        view=view,
        updated_at=found.updated_at,
        vault=found.vault,
        alerts=stations.alerts(found, now=site.now()),
        stations=rows,
        entries=sum(each.station.entries for each in rows),
        silent=sum(each.station.is_silent for each in rows),
        compared=sum(each.compared for each in rows),
        failed=sum(each.failed for each in rows),
        since=first,
        rates=rates.rates(compared, found.stations, by=view.by, since=first),
        spans=SPANS,
        groups=GROUPS,
    )
