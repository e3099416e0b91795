"""The pages of actions over many entries: what would be done, and what was done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.errors import NeedsConfirmation, UsageError
from pywats_archive.models.query import EntryFilter
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.bulk import choice as choosing
from pywats_archive.web.bulk import downloads, phrases
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.jobs.actions import Bulk, Order
from pywats_archive.web.station import station_of
from pywats_archive.web.views import address, words
from pywats_archive.words.text import counted

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
Text = Annotated[str, Form(max_length=1000)]
Number = Annotated[int, Form(ge=0)]
_OWN_FIELDS = ("do", "id", "all")


@router.get("/archives/chosen")
def chosen(request: Request, do: str = "") -> Response:
    """Lead from the ticked rows, or all that match, to the page of an action."""
    query = request.query_params
    view = address.read({name: text for name, text in query.items() if name not in _OWN_FIELDS})
    ids = query.getlist("id")
    if query.get("all") == "yes":
        view = choosing.pinned(view, now=station_of(request).now())
    elif ids:
        view = address.ArchiveView(ids=",".join(ids))
    else:
        raise UsageError("no row is ticked; tick rows, or 'all that match'")
    places = {"reprocess": "/runs/new", phrases.EXPORT: "/archives/export"}
    places |= {action.value: f"/archives/{action.value}" for action in Bulk}
    if do not in places:
        raise UsageError(f"the action '{do[:80]}' is unknown; there are {', '.join(places)}")
    return RedirectResponse(f"{places[do]}?{view.query(sort='', order='')}", status_code=303)


@router.get("/archives/export")
def export(request: Request) -> Response:
    """Show what a bag of the entries would hold."""
    return _shown(request, phrases.EXPORT)


@router.post("/archives/export", dependencies=[needs(Action.EXPORT)])
def download(request: Request, sources: Text = "", reports: Text = "", reason: Text = "") -> Response:
    """Send a bag of the entries of a view."""
    view = address.read(request.query_params)
    try:
        return downloads.bag_response(request, view, sources=sources == "yes", reports=reports == "yes", reason=reason)
    except UsageError as exc:
        return _shown(request, phrases.EXPORT, wrong=str(exc), code=422)


@router.get("/archives/jobs/{key}")
def job(request: Request, key: str) -> Response:
    """Show what a job does, or did."""
    station = station_of(request)
    found = station.jobs.get(key)
    ids = tuple(each.archive_id for each in found.outcomes)
    entries = station.client.find(EntryFilter(archive_ids=ids), limit=len(ids)).items if ids else ()
    return page(
        request,
        "job.html",
        job=found,
        units={entry.archive_id: (entry.serial_number or "", words.name_of(entry)) for entry in entries},
        heading=phrases.heading(found),
        outcome=phrases.outcome(found),
        tone=phrases.tone(found),
    )


@router.get("/archives/{action}")
def confirm(request: Request, action: Bulk) -> Response:
    """Show what an action would do to the entries of a view."""
    return _shown(request, action.value)


@router.post("/archives/hold", dependencies=[needs(Action.HOLD)])
def hold(request: Request, key: Text, entries: Number, reason: Text = "", checksum: Text = "") -> Response:
    """Keep the entries of a view from every purge."""
    if not reason.strip():
        return _shown(request, Bulk.HOLD.value, wrong="Write why the entries must stay.", code=422)
    return _begun(request, Bulk.HOLD, key, entries, choosing.order_of(request, reason=reason), checksum)


@router.post("/archives/release", dependencies=[needs(Action.HOLD)])
def release(request: Request, key: Text, entries: Number, checksum: Text = "") -> Response:
    """Let the entries of a view follow their policies again."""
    return _begun(request, Bulk.RELEASE, key, entries, choosing.order_of(request), checksum)


@router.post("/archives/restore", dependencies=[needs(Action.RESTORE)])
def restore(
    request: Request, key: Text, entries: Number, folder: Text = "", reports: Text = "", checksum: Text = ""
) -> Response:
    """Restore the sources of a view into a folder of the station."""
    client = station_of(request).client
    try:
        place = choosing.restore_folder(client, folder.strip())
    except UsageError as exc:
        return _shown(request, Bulk.RESTORE.value, wrong=str(exc), code=422)
    order = choosing.order_of(request, folder=place, reports=reports == "yes")
    return _begun(request, Bulk.RESTORE, key, entries, order, checksum)


@router.post("/archives/purge", dependencies=[needs(Action.PURGE)])
def purge(request: Request, key: Text, entries: Number, number: Text = "", checksum: Text = "") -> Response:
    """Purge the entries of a view, as far as nothing keeps them; the number of them confirms it."""
    try:
        going = choosing.confirmed(request, address.read(request.query_params), number, key=key, checksum=checksum)
    except NeedsConfirmation as exc:
        return _shown(request, Bulk.PURGE.value, wrong=str(exc), code=409)
    return _begun(request, Bulk.PURGE, key, entries, choosing.order_of(request, going=going))


@router.post("/archives/jobs/{key}/stop", dependencies=[needs(Action.HOLD)])
def stop(request: Request, key: str) -> Response:
    """Let a job end after the entries in progress."""
    station_of(request).jobs.stop(key)
    return RedirectResponse(f"/archives/jobs/{key}", status_code=303)


def _begun(request: Request, action: Bulk, key: str, entries: int, order: Order, checksum: str = "") -> Response:
    view = address.read(request.query_params)
    try:
        job = choosing.begin(request, action, view, key=key, entries=entries, order=order, checksum=checksum)
    except NeedsConfirmation as exc:
        return _shown(request, action.value, wrong=str(exc), code=409)
    return RedirectResponse(f"/archives/jobs/{job.key}", status_code=303)


def _shown(request: Request, action: str, *, wrong: str = "", code: int = 200) -> Response:
    station = station_of(request)
    view = address.read(request.query_params)
    wanted = choosing.wanted_of(view)
    found = choosing.chosen(station.client, wanted)
    choice = found.choice
    purge = choosing.purge_choice(station.client, found.ids) if action == Bulk.PURGE.value else None
    return page(
        request,
        "bulk.html",
        code=code,
        action=action,
        right=phrases.RIGHTS.get(action, ""),
        verb=phrases.VERBS[Bulk(action)][0] if action != phrases.EXPORT else "Export",
        choice=choice,
        entries=phrases.entries,
        sources=phrases.sources(choice),
        reports=counted(choice.reports, "report"),
        is_large=choice.source_size_bytes > downloads.LARGE_BYTES,
        notes=(*phrases.notes(action, choice), *(phrases.purge_notes(purge) if purge else ())),
        purge=purge,
        rows=[(entry, words.name_of(entry)) for entry in found.first],
        query=view.query(sort="", order=""),
        key=choosing.new_key(),
        folder=f"{station.now().astimezone():%Y-%m-%d_%H%M}",
        base=str(choosing.restored(station.client)),
        wrong=wrong,
    )
