"""Findings and checks in JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import StreamingResponse

from pywats_archive.models.operation.integrity import Finding, Thoroughness
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.api.lines import lines
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.verification import CheckState, Depth

router = api_router(needs(Action.READ), prefix="/integrity")


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegrityState:
    """What is known about the archived bytes."""

    oldest_check: datetime | None
    """Since when every file was read back or archived."""
    findings: tuple[Finding, ...]
    """The damage that services found and that is still there."""
    check: CheckState | None
    """The check that runs, or the last one since the pages started."""


class CheckRequest(BaseModel):
    """How much a check reads."""

    model_config = ConfigDict(extra="forbid")

    depth: Depth = Depth.QUICK


@router.get("")
def integrity(request: Request) -> IntegrityState:
    """Return findings, and the check that runs or ran."""
    station = station_of(request)
    return IntegrityState(
        oldest_check=station.client.statistics().oldest_check,
        findings=station.client.findings(),
        check=station.verification.state,
    )


@router.get("/findings")
def findings(request: Request) -> tuple[Finding, ...]:
    """Return the damage that services found and that is still there, oldest first."""
    return station_of(request).client.findings()


@router.get("/files")
def count_files(request: Request) -> int:
    """Count the files that a check reads."""
    return station_of(request).client.count_files()


@router.post("/verify", response_class=StreamingResponse, dependencies=[needs(Action.VERIFY)])
def verify(request: Request, how: Thoroughness) -> StreamingResponse:
    """Check every archive; each file that was checked is a line of the answer, as soon as it was."""
    return lines(request, station_of(request).client.verify(how))


@router.post("/check", status_code=202, dependencies=[needs(Action.VERIFY)])
def start(request: Request, wanted: CheckRequest) -> CheckState:
    """Begin a check; 409 while another one runs."""
    return station_of(request).verification.start(wanted.depth, by=user_of(request))


@router.post("/stop", status_code=204, dependencies=[needs(Action.VERIFY)])
def stop(request: Request) -> None:
    """Stop the running check after the file in progress."""
    station_of(request).verification.stop()
