"""What policies and people purge, what is held, and the trust in the clock, in JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from pywats_archive.models.retention.compliance import Approval
from pywats_archive.models.retention.purge import Hold, Purge, PurgePlan, PurgeStatistics
from pywats_archive.retention.station import ClockState
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import Archive, api_router
from pywats_archive.web.api.lines import lines
from pywats_archive.web.station import station_of, user_of

router = api_router(needs(Action.READ))


class Named(BaseModel):
    """Entries by their ids."""

    model_config = ConfigDict(extra="forbid")
    archive_ids: list[str] = Field(min_length=1)


class Held(Named):
    """Entries to be held, and why."""

    reason: str = Field(min_length=1, max_length=1000)


class Chosen(Named):
    """Entries to be purged by name."""

    unsubmitted: bool = False
    """Also those whose reports the server has not accepted."""


class ChosenPurge(Chosen):
    """How entries are purged by name."""

    even_damaged: bool = False


class Enforcement(BaseModel):
    """Whose policy is enforced; without a name, that of each converter."""

    model_config = ConfigDict(extra="forbid")
    converter_name: str | None = None


@router.get("/purges")
def purges(request: Request, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> tuple[Purge, ...]:
    """Return the latest purges, newest first."""
    return station_of(request).client.retention.history(limit)


@router.get("/purges/plans")
def plans(request: Request, converter: str | None = None) -> tuple[PurgePlan, ...]:
    """Summarize what the current policies would purge and keep now, by converter."""
    return station_of(request).client.retention.plans(converter)


@router.get("/purges/preview", response_class=StreamingResponse)
def preview(request: Request, converter: str | None = None) -> StreamingResponse:
    """Return what the current policies would purge and keep now: a converter's name and a decision in each line."""
    return lines(request, station_of(request).client.retention.preview(converter))


@router.post("/purges/preview", response_class=StreamingResponse, dependencies=[needs(Action.PREVIEW)])
def preview_named(request: Request, chosen: Chosen) -> StreamingResponse:
    """Return the decision for each named entry, in lines as for the policies; changes nothing."""
    found = station_of(request).client.retention
    return lines(request, found.preview_named(chosen.archive_ids, unsubmitted=chosen.unsubmitted))


@router.post("/purges", dependencies=[needs(Action.PURGE)])
def enforce(request: Request, wanted: Enforcement) -> tuple[PurgeStatistics, ...]:
    """Purge by the current policies, even more than a fifth at once."""
    return station_of(request).client.retention.enforce(wanted.converter_name, actor=user_of(request))


@router.post("/purges/entries", dependencies=[needs(Action.PURGE)])
def purge_named(request: Request, chosen: ChosenPurge) -> tuple[PurgeStatistics, ...]:
    """Purge named entries; those held, pending or not submitted stay, and are counted."""
    return station_of(request).client.retention.purge_named(
        chosen.archive_ids,
        actor=user_of(request),
        unsubmitted=chosen.unsubmitted,
        even_damaged=chosen.even_damaged,
    )


@router.post("/purges/finish", dependencies=[needs(Action.PURGE)])
def finish(request: Request) -> tuple[PurgeStatistics, ...]:
    """Try again to remove files that earlier purges could not remove."""
    return station_of(request).client.retention.finish_unfinished()


@router.get("/holds")
def holds(request: Request) -> tuple[Hold, ...]:
    """Return the holds."""
    return station_of(request).client.retention.holds()


@router.post("/holds", status_code=204, dependencies=[needs(Action.HOLD)])
def hold(request: Request, held: Held) -> None:
    """Keep entries from every purge until they are released."""
    station_of(request).client.retention.hold(held.archive_ids, held.reason, actor=user_of(request))


@router.post("/holds/release", status_code=204, dependencies=[needs(Action.HOLD)])
def release(request: Request, named: Named) -> None:
    """Release holds, so that policies apply to the entries again."""
    station_of(request).client.retention.release(named.archive_ids, actor=user_of(request))


@router.get("/approvals")
def approvals(request: Request) -> tuple[Approval, ...]:
    """Return the requests of compliant archives that a second person may approve."""
    return station_of(request).client.retention.approvals()


@router.post("/approvals/{number}", dependencies=[needs(Action.APPROVE)])
def approve(request: Request, number: int, archive: Archive = None) -> Approval:
    """Approve a request of another person."""
    return station_of(request).client.retention.approve(number, archive, actor=user_of(request))


@router.get("/clocks")
def clocks(request: Request) -> tuple[ClockState, ...]:
    """Return each archive's trust in the clock."""
    return station_of(request).client.retention.clocks()


@router.post("/clocks/confirm", status_code=204, dependencies=[needs(Action.POLICY)])
def confirm_clock(request: Request) -> None:
    """Make every archive trust the current clock."""
    station_of(request).client.retention.confirm_clock(actor=user_of(request))
