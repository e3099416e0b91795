"""The first page: what needs attention, and the figures of the station."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.query import EntryFilter
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of
from pywats_archive.web.views import chart
from pywats_archive.web.views import overview as view

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_REASON_DAYS = 30
_NOT_RUNNING = "service.not_running"


@router.get("/")
def overview(request: Request) -> Response:
    """Show alerts, service and server, the growth, the converters and why conversions fail."""
    station = station_of(request)
    client, now = station.client, station.now()
    figures, status = client.statistics(), client.status(is_quick=True)
    today, local_today = now.date(), now.astimezone().date()
    is_said = any(alert.name == _NOT_RUNNING for alert in status.alerts)
    rows = view.converters(figures.by_converter, client.received(), today=today)
    return page(
        request,
        "overview.html",
        figures=figures,
        alerts=view.alerts(status.alerts, now=now),
        vanished=sum(each.acknowledged_at is None for each in status.vanished),
        disagreements=status.disagreements,
        lines=(
            *(() if is_said else view.services(status.services, now=now)),
            *view.servers(status.services, status.last_accepted_at, now=now),
        ),
        saved_bytes=max(figures.source_size_bytes + figures.report_size_bytes - figures.disk_size_bytes, 0),
        failed_today=client.find(
            EntryFilter(status=ConversionStatus.FAILED, from_date=local_today, purged=False), limit=1
        ).total,
        today=local_today,
        converters=rows,
        by_day=chart.by_day([(row.name, row.bars) for row in rows]),
        growth=chart.growth(client.growth()),
        times=view.times(client.conversion_times()),
        reasons=view.reasons(client.failure_reasons(days=_REASON_DAYS), today=local_today, days=_REASON_DAYS),
    )
