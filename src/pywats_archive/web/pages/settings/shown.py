"""The pages Settings and About."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of
from pywats_archive.web.views.settings import shown as view
from pywats_archive.words.alerts import sentence

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_OF_CONFIGURATION = "config."


@router.get("/settings")
def settings(request: Request, saved: str = "") -> Response:
    """Show what holds for each converter, and where the files of the station are; ``saved``: the converter just changed."""
    station = station_of(request)
    client = station.client
    if client.config is None:
        return page(request, "settings/shown.html", config=None, saved="", alerts=(), is_served=False)
    policies = view.policies_by((each.archive, each.policy) for each in client.retention.policies())
    services = {each.root: each for each in client.services()}
    found = client.status(is_quick=True).alerts
    alerts = [sentence(each, now=station.now()) for each in found if each.name.startswith(_OF_CONFIGURATION)]
    return page(
        request,
        "settings/shown.html",
        config=client.config,
        saved=saved,
        alerts=alerts,
        cards=[
            view.card(
                each,
                config_name=client.config.name,
                policy=policies.get((str(each.archive), each.name)),
                service=services.get(each.archive),
            )
            for each in client.settings.converters()
        ],
        places=view.places(client.settings.places(), services.values()),
        is_served=any(each.state.is_working for each in services.values()),
    )


@router.get("/settings/about")
def about(request: Request) -> Response:
    """Show versions and licences."""
    return page(request, "settings/about.html", found=station_of(request).client.installation())
