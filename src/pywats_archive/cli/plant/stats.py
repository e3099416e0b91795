"""``plant stats``: failure rates, station beside station."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.list_ import start_of_range
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.plant.search import of_plant
from pywats_archive.cli.plant.words import IndexOption, StationOption, plant_of
from pywats_archive.models.plant.figures import PlantRate
from pywats_archive.words.text import printable


class By(str, Enum):
    """What the rows of the table are."""

    CONVERTER = "converter"
    PART = "part"


def stats(
    index: IndexOption = None,
    by: Annotated[
        By, typer.Option("--by", metavar="WHAT", help="converter or part: what the lines are.")
    ] = By.CONVERTER,
    from_: options.FromOption = None,
    to: options.ToOption = None,
    since: options.SinceOption = None,
    today: options.TodayOption = False,
    station: StationOption = None,
    converter: options.ConverterOption = None,
    serial: options.SerialOption = None,
    part: options.PartOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Compare how often units fail at each station.

    It shows the units that did not pass, of those with a result, and how many conversions failed.
    """
    asked = options.entry_filter(start_of_range(from_, since, today=today), to, converter, None, serial, part)
    found = plant_of(index).statistics(of_plant(asked, station=station), by=by.value)
    if as_json:
        print_json(found)
    elif not found.rates:
        console.print("no entries")
    else:
        console.print(_table(found.rates, by.value))


def _table(rates: Sequence[PlantRate], by: str) -> Table:
    """Draw a line for each name, and a column for each station."""
    stations = list(dict.fromkeys((each.station, each.archive_uuid) for each in sorted(rates, key=_place)))
    names = [station for station, _ in stations]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("part number" if by == By.PART.value else by, overflow="fold")
    for station, uuid in stations:
        table.add_column(printable(station if names.count(station) == 1 else f"{station} {uuid[:8]}"), justify="right")
    table.add_column("all", justify="right")
    for name in dict.fromkeys(each.name for each in rates):
        own = {each.archive_uuid: each for each in rates if each.name == name}
        cells = (_cell([own[uuid]]) if uuid in own else "-" for _, uuid in stations)
        table.add_row(printable(name or "-"), *cells, _cell(own.values()))
    return table


def _cell(rates: Iterable[PlantRate]) -> str:
    """Write a rate with the number of units, and the conversions that failed, if any."""
    known = list(rates)
    units, failed = sum(each.units for each in known), sum(each.failed for each in known)
    share = f"{100 * sum(each.units_failed for each in known) / units:.1f} % of {units}" if units else "-"
    return f"{share}, {failed} not converted" if failed else share


def _place(rate: PlantRate) -> tuple[str, str]:
    return rate.station.casefold(), rate.archive_uuid
