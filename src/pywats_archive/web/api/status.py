"""The status and the figures of the station, in JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from pywats_archive.models.operation.statistics import ArchiveStatistics
from pywats_archive.web.station import station_of

router = APIRouter(prefix="/api/v1")


@router.get("/status")
def status(request: Request) -> dict[str, Any]:
    """Return the counts of all sources, the open alerts and the state of the service."""
    return asdict(station_of(request).client.status())


@router.get("/statistics")
def statistics(request: Request, converter: str | None = None) -> ArchiveStatistics:
    """Return the figures of all archives, or of one converter."""
    return station_of(request).client.statistics(converter)
