"""The Archives page: find entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from pywats_archive.models.entry import ArchiveEntry, ConversionStatus
from pywats_archive.models.plant.entry import PlantEntry
from pywats_archive.models.query import EntryFilter, Page
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of
from pywats_archive.web.views import address, words
from pywats_archive.web.views.address import ArchiveView
from pywats_archive.words.sizes import human_size
from pywats_archive.words.times import brief, duration

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.READ)])
_PAGE = 50
_COLUMNS = (("time", "Time"), ("serial", "Serial number"), ("result", "Result"), ("size", "Size"), ("duration", "Took"))
"""The columns that sort."""
ACTIONS = (
    ("reprocess", "Reprocess", "replay"),
    ("export", "Export", "read"),
    ("restore", "Restore", "restore"),
    ("hold", "Hold", "hold"),
    ("release", "Release", "hold"),
    ("purge", "Purge", "purge"),
)
"""What can be done with entries: its name, its label, and what a person must be allowed to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One entry in the table."""

    archive_id: str
    address: str
    station: str
    """Empty in the pages of one station."""
    when: str
    at: str
    serial: str
    part: str
    result: words.Badge | None
    converted: words.Badge
    converter: str
    source: str
    error: str
    """Why there is no report."""
    marks: tuple[str, ...]
    size: str
    took: str


@router.get("/archives")
def archives(request: Request) -> Response:
    """Show the entries that the address asks for."""
    station = station_of(request)
    view = address.read(request.query_params)
    found = station.client.find(view.wanted(), limit=_PAGE, after=view.after or None)
    today = station.now().astimezone().date()
    return page(
        request,
        "archives.html",
        view=view,
        rows=[
            row_of(each, now=station.now(), address=f"/entries/{words.quoted(each.archive_id)}") for each in found.items
        ],
        count=count_of(found, is_all=view.wanted() == EntryFilter()),
        next=view.query(after=found.next) if found.next else "",
        first=view.query() if view.after else None,
        replay=view.query(sort="", order=""),
        given=view.given(sort="", order=""),
        actions=ACTIONS,
        converters=station.client.converters(),
        **choices(view, today),
    )


_DAYS = (("Today", 0), ("7 days", 6), ("30 days", 29))


def choices(view: ArchiveView, today: date) -> dict[str, Any]:
    """Return what the form offers."""
    return {
        "columns": _COLUMNS,
        "statuses": {each.value.lower(): words.converted_badge(each).text.lower() for each in ConversionStatus},
        "results": [each.value.lower() for each in UnitResult],
        "submissions": [each.value.lower() for each in SubmissionState],
        "presets": [(name, view.query(from_=str(today - timedelta(days=days)), to="")) for name, days in _DAYS],
    }


def count_of(found: Page[ArchiveEntry] | Page[PlantEntry], *, is_all: bool) -> str:
    """Say how many entries match."""
    match = "entries" if is_all else "match"
    if not found.total_is_exact:
        return f"more than {found.total:,} {match}"
    if found.total == 1:
        return "1 entry" if match == "entries" else "1 matches"
    return f"{found.total:,} {match}"


def row_of(entry: ArchiveEntry | PlantEntry, *, now: datetime, address: str, station: str = "") -> Row:
    """Return an entry as the table shows it."""
    marks = {
        "warnings": entry.warnings,
        "held": entry.hold_reason,
        "purged": entry.purged_at,
        f"{entry.report_count} reports": entry.report_count > 1,
    }
    return Row(
        archive_id=entry.archive_id,
        address=address,
        station=words.visible(station, most=60),
        when=brief(entry.conversion_timestamp, now=now),
        at=entry.conversion_timestamp.isoformat(),
        serial=words.visible(entry.serial_number or "", most=60),
        part=words.visible(entry.part_number or "", most=60),
        result=words.result_badge(entry.result),
        converted=words.converted_badge(entry.conversion_status),
        converter=words.visible(entry.converter_name, most=60),
        source=words.name_of(entry),
        error=words.visible(entry.conversion_error or ""),
        marks=tuple(mark for mark, applies in marks.items() if applies),
        size=human_size(entry.source_size_bytes),
        took=duration(entry.conversion_duration_ms),
    )
