"""``plant search``: entries of all stations."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated

import typer

from pywats_archive.cli import candidates, entries_table, options
from pywats_archive.cli.list_ import (
    CSV,
    CsvOption,
    ReverseOption,
    SortOption,
    UtcOption,
    newest_first,
    start_of_range,
    write_csv,
)
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.plant.words import IndexOption, StationOption, plant_of
from pywats_archive.models.plant.entry import PlantEntry, PlantFilter
from pywats_archive.models.query import EntryFilter, SortKey

_PAGE = 100
_CSV = {
    "time": "conversion_timestamp",
    "station": "station",
    "archive_uuid": "archive_uuid",
    **{name: field for name, field in CSV.items() if field not in ("conversion_timestamp", "report_id")},
}
ErrorOption = Annotated[
    str | None,
    typer.Option("--error", metavar="TEXT", help="A part of the error or a warning; * and ? are wildcards."),
]
ProcessOption = Annotated[
    str | None, typer.Option("--process", metavar="NAME", help="Test operation; * and ? are wildcards.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantEntryList:
    """A page of entries of a plant."""

    entries: tuple[PlantEntry, ...]
    """The entries, in the requested order."""
    total: int
    """Number of entries that match, on all pages."""
    total_is_exact: bool
    """False if more than ``total`` match."""


def search(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="WORD...", help="Words or beginnings of words; all must occur.")
    ] = None,
    index: IndexOption = None,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    since: options.SinceOption = None,
    today: options.TodayOption = False,
    station: StationOption = None,
    converter: options.ConverterOption = None,
    status: options.StatusOption = None,
    result: options.ResultOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    process: ProcessOption = None,
    error: ErrorOption = None,
    warned: Annotated[
        bool | None, typer.Option("--warned/--unwarned", help="Only entries with warnings, or without.")
    ] = None,
    submission: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            autocompletion=candidates.submissions,
            help="A report is waiting, accepted, refused or withheld.",
        ),
    ] = None,
    purged: Annotated[bool | None, typer.Option("--purged/--kept", help="Only purged entries, or only others.")] = None,
    sort: SortOption = SortKey.TIME,
    reverse: ReverseOption = False,
    limit: options.LimitOption = None,
    offset: options.OffsetOption = 0,
    utc: UtcOption = False,
    as_csv: CsvOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Search the entries of all stations.

    Words are looked for in file names, serial and part numbers, errors and warnings. The newest entry comes first.
    """
    wanted = replace(
        of_plant(
            options.entry_filter(start_of_range(from_, since, today=today), to, converter, status, serial, part),
            station=station,
        ),
        result=options.parse_result(result),
        text=" ".join(text) if text else None,
        error=error,
        process=process,
        warned=warned,
        submission=options.parse_submission(submission),
        purged=purged,
        sort=sort,
        newest_first=newest_first(sort, reverse=reverse),
    )
    plant = plant_of(index)
    if as_csv and not as_json:
        write_csv(plant.entries(wanted, limit=limit, offset=offset), _CSV)
        return
    page = plant.find(wanted, limit=limit or _PAGE, offset=offset)
    if as_json:
        print_json(PlantEntryList(entries=page.items, total=page.total, total_is_exact=page.total_is_exact))
    elif not page.items:
        console.print(f"none after the first {page.total}" if page.total else "no entries")
    else:
        entries_table.draw(page.items, utc=utc, of_plant=True)
        total = page.total if page.total_is_exact else f"more than {page.total}"
        console.print(f"{offset + 1} to {offset + len(page.items)} of {total}")


def of_plant(wanted: EntryFilter, *, station: str | None) -> PlantFilter:
    """Return a filter of entries as one of a plant."""
    return PlantFilter(**{each.name: getattr(wanted, each.name) for each in fields(wanted)}, station=station)
