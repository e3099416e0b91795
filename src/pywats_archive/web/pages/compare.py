"""Two reports side by side: of one entry's conversions, or of two entries of one unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import EntryFilter
from pywats_archive.models.report import Report
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.documents import read_document, require_comparable
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import user_of
from pywats_archive.web.turns import TAKES_TURN, client_in_turn
from pywats_archive.web.views import difference, words

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_OTHERS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two reports."""

    entry: ArchiveEntry
    number: int
    report: Report
    conversion: Conversion | None

    @property
    def value(self) -> str:
        """The report as the address has it."""
        return f"{self.entry.archive_id}.{self.number}"


@router.get("/entries/{archive_id}/compare", dependencies=[TAKES_TURN])
def compare(request: Request, archive_id: str) -> Response:
    """Show what differs between the reports ``old`` and ``new``; without them, between the last two of the entry."""
    client = client_in_turn(request)
    entry, query = client.details(archive_id).entry, request.query_params
    choices = _sides(client, archive_id) + _others(client, entry)
    last = [each.value for each in choices if each.entry.archive_id == archive_id][-2:]
    wanted = [query.get("old") or next(iter(last), ""), query.get("new") or next(reversed(last), "")]
    old, new = (_side(client, each) for each in wanted)
    if old is None or new is None:
        raise UsageError("there are no two reports to compare")
    for each in (old, new):
        require_comparable(each.report)
    actor = user_of(request)
    found = client.compare_reports(old.entry.archive_id, old.number, new.entry.archive_id, new.number, actor=actor)
    return page(
        request,
        "compare.html",
        entry=entry,
        name=words.name_of(entry),
        choices=choices,
        sides=(old, new),
        total=len(found),
        rows=difference.rows(found, _document(client, old, actor)),
    )


def _sides(client: Client, archive_id: str) -> list[Side]:
    details = client.details(archive_id)
    made = {each.conversion_id: each for each in details.conversions}
    return [
        Side(entry=details.entry, number=number, report=report, conversion=made.get(report.conversion_id))
        for number, report in enumerate(details.reports, 1)
    ]


def _others(client: Client, entry: ArchiveEntry) -> list[Side]:
    """Return the reports of other entries of the same serial number."""
    if not entry.serial_number:
        return []
    found = client.find(EntryFilter(serial_number=entry.serial_number), limit=_OTHERS).items
    alike = (each for each in found if each.serial_number == entry.serial_number and not each.purged_at)
    return [side for each in alike if each.archive_id != entry.archive_id for side in _sides(client, each.archive_id)]


def _side(client: Client, value: str) -> Side | None:
    archive_id, _, number = value.rpartition(".")
    return (
        next((each for each in _sides(client, archive_id) if str(each.number) == number), None) if archive_id else None
    )


def _document(client: Client, side: Side, actor: str) -> Mapping[str, Any]:
    with client.open_report(side.entry.archive_id, side.number, actor=actor) as content:
        return read_document(content).fields
