"""Actions over many entries in JSON, and entries as a zip; the query fields are those of the Archives page."""

from __future__ import annotations

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from pywats_archive.client import Restored
from pywats_archive.errors import UsageError
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.api.asked import View, api_router
from pywats_archive.web.bulk import choice as choosing
from pywats_archive.web.bulk import downloads
from pywats_archive.web.bulk.choice import Choice, PurgeChoice
from pywats_archive.web.jobs.actions import Bulk
from pywats_archive.web.jobs.running import Job
from pywats_archive.web.station import station_of, user_of

router = api_router(needs(Action.READ))
Key = Field(default_factory=choosing.new_key, pattern="^[0-9a-f]{16}$")


class Confirmed(BaseModel):
    """An action over the entries of a view."""

    model_config = ConfigDict(extra="forbid")
    entries: int = Field(ge=0)
    """The number of entries that match; with another one, nothing is done."""
    checksum: str = ""
    """Checksum of the preview (for a purge, of its own preview). If other entries match by now, nothing is done."""
    key: str = Key
    """What is sent twice under one key is done once."""


class HoldOrder(Confirmed):
    """A hold of entries."""

    reason: str = Field(min_length=1, max_length=1000)


class RestoreOrder(Confirmed):
    """A restore of sources."""

    folder: str = Field(min_length=1, max_length=80)
    """The name of a folder below ``restored``, beside the archive."""
    reports: bool = False


class PurgeOrder(Confirmed):
    """A purge of entries."""

    number: int = Field(ge=1)
    """The number of entries that the preview purges."""


class BagOrder(BaseModel):
    """What a bag holds, and why it is exported."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(default="", max_length=100)
    """The name of the bag; by default one with the present time."""
    sources: bool = True
    """Whether the bytes of sources and companions are in it."""
    reports: bool = True
    """Whether the documents of reports are in it."""
    reason: str = Field(default="", max_length=1000)


class Restoring(BaseModel):
    """Which entries are restored, and where to."""

    model_config = ConfigDict(extra="forbid")
    archive_ids: list[str] = Field(min_length=1)
    folder: str = Field(min_length=1)
    """The name of a folder below ``restored``, beside the configuration or the archive."""
    even_damaged: bool = False
    """Restore the readable part of a damaged source, as NAME.damaged."""
    reports: bool = False
    """Restore each report too, beside the source."""


@router.get("/export", response_class=Response)
def export(request: Request, view: View) -> Response:
    """Stream a zip of the entries of a view: sources, companions, reports, and a manifest with checksums."""
    return downloads.files_response(request, view)


@router.post("/bag", response_class=Response, dependencies=[needs(Action.EXPORT)])
def bag(request: Request, view: View, what: BagOrder) -> Response:
    """Stream a bag of the entries of a view as a zip: files, records, checksums, and how to check all of it."""
    return downloads.bag_response(
        request, view, sources=what.sources, reports=what.reports, reason=what.reason, name=what.name
    )


@router.get("/bulk/preview")
def preview(request: Request, view: View) -> Choice:
    """Count the entries of a view."""
    return choosing.chosen(station_of(request).client, choosing.wanted_of(view)).choice


@router.get("/bulk/purge/preview")
def preview_purge(request: Request, view: View) -> PurgeChoice:
    """Return what a purge of the entries of a view would do."""
    client = station_of(request).client
    return choosing.purge_choice(client, client.chosen(choosing.wanted_of(view)))


@router.post("/bulk/hold", status_code=202, dependencies=[needs(Action.HOLD)])
def hold(request: Request, view: View, how: HoldOrder) -> Job:
    """Keep the entries of a view from every purge."""
    if not how.reason.strip():
        raise UsageError("a hold needs a reason; write why the entries must stay")
    order = choosing.order_of(request, reason=how.reason)
    return choosing.begin(
        request, Bulk.HOLD, view, key=how.key, entries=how.entries, order=order, checksum=how.checksum
    )


@router.post("/bulk/release", status_code=202, dependencies=[needs(Action.HOLD)])
def release(request: Request, view: View, how: Confirmed) -> Job:
    """Let the entries of a view follow their policies again."""
    order = choosing.order_of(request)
    return choosing.begin(
        request, Bulk.RELEASE, view, key=how.key, entries=how.entries, order=order, checksum=how.checksum
    )


@router.post("/bulk/restore", status_code=202, dependencies=[needs(Action.RESTORE)])
def restore(request: Request, view: View, how: RestoreOrder) -> Job:
    """Restore the sources of a view into a folder of the station."""
    folder = choosing.restore_folder(station_of(request).client, how.folder)
    order = choosing.order_of(request, folder=folder, reports=how.reports)
    return choosing.begin(
        request, Bulk.RESTORE, view, key=how.key, entries=how.entries, order=order, checksum=how.checksum
    )


@router.post("/restore", dependencies=[needs(Action.RESTORE)])
def restore_named(request: Request, wanted: Restoring) -> tuple[Restored, ...]:
    """Restore sources into a folder of the station; nothing is replaced, and a failure does not stop the others."""
    client = station_of(request).client
    return client.restore(
        wanted.archive_ids,
        choosing.restore_folder(client, wanted.folder),
        actor=user_of(request),
        even_damaged=wanted.even_damaged,
        reports=wanted.reports,
    )


@router.post("/bulk/purge", status_code=202, dependencies=[needs(Action.PURGE)])
def purge(request: Request, view: View, how: PurgeOrder) -> Job:
    """Purge the entries of a view, as far as nothing keeps them."""
    going = choosing.confirmed(request, view, str(how.number), key=how.key, checksum=how.checksum)
    order = choosing.order_of(request, going=going)
    return choosing.begin(request, Bulk.PURGE, view, key=how.key, entries=how.entries, order=order)


@router.get("/bulk/jobs/{key}")
def job(request: Request, key: str) -> Job:
    """Return what a job did so far."""
    return station_of(request).jobs.get(key)


@router.post("/bulk/jobs/{key}/stop", status_code=204, dependencies=[needs(Action.HOLD)])
def stop(request: Request, key: str) -> None:
    """Let a job end after the entries in progress."""
    station_of(request).jobs.stop(key)
