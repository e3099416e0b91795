"""The status and the figures of the station, in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query, Request

from pywats_archive.models.operation.growth import Growth
from pywats_archive.models.operation.service import Pulse
from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.models.operation.trends import ConversionTimes, FailureReason
from pywats_archive.models.vault.shipping import VaultStatus
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.station import station_of

router = api_router(needs(Action.READ))


@router.get("/status")
def status(request: Request, days: Annotated[int, Query(ge=1, le=3650)] = 7) -> dict[str, Any]:
    """Return the counts of all sources, the open alerts and the state of the service."""
    return asdict(station_of(request).client.status(days=days))


@router.get("/statistics")
def statistics(request: Request, converter: str | None = None) -> ArchiveStatistics:
    """Return the figures of all archives, or of one converter."""
    return station_of(request).client.statistics(converter)


@router.get("/pulse")
def pulse(request: Request) -> Pulse:
    """Return the state of the services and the number of open alerts."""
    return station_of(request).client.pulse()


@router.get("/growth")
def growth(request: Request, converter: str | None = None) -> Growth:
    """Return the size of all archives, or of one converter, from day to day, and its forecast."""
    return station_of(request).client.growth(converter)


@router.get("/vault")
def vault(request: Request) -> VaultStatus:
    """Return how far the vault has the archives; 400 if the configuration names no vault."""
    return station_of(request).client.vault.status()


@router.get("/received")
def received(request: Request, hours: Annotated[int, Query(ge=1, le=168)] = 1) -> dict[str, int]:
    """Return by converter how many sources were archived within so many hours."""
    return station_of(request).client.received(hours=hours)


@router.get("/failure-reasons")
def failure_reasons(
    request: Request, days: Annotated[int, Query(ge=1, le=3650)] = 30, limit: Annotated[int, Query(ge=1, le=1000)] = 10
) -> tuple[FailureReason, ...]:
    """Return why conversions failed, the most frequent reason first."""
    return station_of(request).client.failure_reasons(days=days, limit=limit)


@router.get("/conversion-times")
def conversion_times(request: Request) -> tuple[ConversionTimes, ...]:
    """Return how long the latest conversions of each converter took."""
    return station_of(request).client.conversion_times()
