"""The page of one entry: its report as WATS people read it, its source, its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client import Client
from pywats_archive.client.plant.files import PlantFiles
from pywats_archive.errors import BlobLocked, BlobMissing
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.event import erasure_among
from pywats_archive.models.plant.entry import PlantEntry, PlantReport
from pywats_archive.models.report import Report
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.documents import read_document
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.pages import source
from pywats_archive.web.pages.archives import ACTIONS
from pywats_archive.web.pages.vault import vault_of
from pywats_archive.web.station import user_of
from pywats_archive.web.turns import TAKES_TURN, asks_vault, client_in_turn
from pywats_archive.web.views import report as report_view
from pywats_archive.web.views import steps, words
from pywats_archive.web.views.document.attachments import attachments
from pywats_archive.web.views.document.units import units
from pywats_archive.words.origin import origin_of

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
TABS = ("report", "source", "conversions", "history", "about")


@router.get("/entries/{archive_id}", dependencies=[TAKES_TURN])
def entry(request: Request, archive_id: str) -> Response:
    """Show an entry; ``tab`` says which part, ``report`` which of its reports."""
    client = client_in_turn(request)
    details = client.details(archive_id)
    found, query = details.entry, request.query_params
    tab = query.get("tab", "report" if details.reports else "source")
    tab = tab if tab in TABS else TABS[0]
    number = _number(query.get("report", ""), found, details.reports)
    is_shown = not found.purged_at or asks_vault(request)
    shown = report_of(request, client, found, details.reports, number) if tab == "report" and is_shown else None
    looked = source.look(client, found, query, actor=user_of(request)) if tab == "source" and is_shown else None
    is_missing = bool((shown and shown.get("is_missing")) or (looked and looked.is_missing))
    return page(
        request,
        "entry.html",
        entry=found,
        details=details,
        erasure=erasure_among(details.events),
        tabs=TABS,
        tab=tab,
        number=number,
        name=words.name_of(found),
        result=words.result_badge(found.result),
        converted=words.converted_badge(found.conversion_status),
        badge_of=words.converted_badge,
        details_of=words.details_of,
        origin=origin_of(details.events),
        actions=actions_of(found),
        is_shown=is_shown,
        asks_vault=asks_vault(request),
        vault=None if asks_vault(request) or (is_shown and not is_missing) else vault_of(client),
        report=shown,
        source=looked,
    )


def actions_of(entry: ArchiveEntry) -> tuple[tuple[str, str, str], ...]:
    """Return what can be done with one entry; only the record of a purged one is left."""
    needless = "hold" if entry.hold_reason else "release"
    return () if entry.purged_at else tuple(each for each in ACTIONS if each[0] != needless)


def _number(text: str, found: ArchiveEntry, reports: Sequence[Report]) -> int:
    """Return the number of the report that was asked for, or of the first one of the latest conversion; 0 if there is none."""
    if text.isdecimal() and 0 < int(text[:9]) <= len(reports):
        return int(text[:9])
    numbers = (number for number, report in enumerate(reports, 1) if report.report_id == found.report_id)
    return next(numbers, min(1, len(reports)))


def report_of(
    request: Request,
    client: Client | PlantFiles,
    found: ArchiveEntry | PlantEntry,
    reports: Sequence[Report | PlantReport],
    number: int,
) -> dict[str, Any] | None:
    """Return what the page shows of a report; None if there is none."""
    if not number:
        return None
    try:
        with client.open_report(found.archive_id, number, actor=user_of(request)) as content:
            read, vault = read_document(content), content.vault
    except (BlobLocked, BlobMissing) as exc:  # the catalog has the rest of the page
        is_missing = isinstance(exc, BlobMissing)
        return {"locked": words.visible(exc, most=1000), "vault": None, "is_missing": is_missing}
    document, query = read.fields, request.query_params
    only_failed = query.get("failed") == "yes"
    return {
        "summary": reports[number - 1],
        "header": report_view.header(document),
        "table": steps.table(document, opened=query.getlist("open"), only_failed=only_failed),
        "only_failed": only_failed,
        "units": units(document),
        "attachments": attachments(document),
        "is_cut": read.is_cut,
        "vault": vault,
    }
