"""``plant stats``: failure rates, station beside station."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from pywats_archive.words.text import printable, told_apart

_SIDE_BY_SIDE = 5
"""How many stations fit into the width of a terminal."""


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
        console.print(table_of(found.rates, by.value))


def table_of(rates: Sequence[PlantRate], by: str) -> Table:
    """Draw a column for each station; of more stations than fit side by side, a line for each."""
    stations = _stations(rates)
    return _side_by_side(rates, stations, by) if len(stations) <= _SIDE_BY_SIDE else _lines(rates, stations, by)


def _stations(rates: Sequence[PlantRate]) -> Mapping[str, str]:
    """Return the names of the stations by the uuids of their archives, ordered by them."""
    return told_apart((each.station, each.archive_uuid) for each in sorted(rates, key=_place))


def _empty(by: str, *columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("part number" if by == By.PART.value else by, overflow="fold")
    for each in columns:
        table.add_column(each, justify="right")
    return table


def _side_by_side(rates: Sequence[PlantRate], stations: Mapping[str, str], by: str) -> Table:
    table = _empty(by, *map(printable, stations.values()), "all")
    for name in _names(rates):
        own = {each.archive_uuid: each for each in rates if each.name == name}
        cells = (_cell([own[uuid]]) if uuid in own else "-" for uuid in stations)
        table.add_row(printable(name or "-"), *cells, _cell(own.values()))
    return table


def _lines(rates: Sequence[PlantRate], stations: Mapping[str, str], by: str) -> Table:
    table = _empty(by)
    table.add_column("station", overflow="fold")
    table.add_column("did not pass", justify="right")
    for name in _names(rates):
        own = [each for each in rates if each.name == name]
        table.add_row(printable(name or "-"), "all", _cell(own))
        for each in sorted(own, key=_share, reverse=True):
            table.add_row("", printable(stations[each.archive_uuid]), _cell([each]))
    return table


def _names(rates: Sequence[PlantRate]) -> Iterable[str | None]:
    return dict.fromkeys(each.name for each in rates)


def _share(rate: PlantRate) -> tuple[float, int]:
    return rate.failed_percent or 0.0, rate.failed


def _cell(rates: Iterable[PlantRate]) -> str:
    """Write a rate with the number of units, and the conversions that failed, if any."""
    known = list(rates)
    units, failed = sum(each.units for each in known), sum(each.failed for each in known)
    share = f"{100 * sum(each.units_failed for each in known) / units:.1f} % of {units}" if units else "-"
    return f"{share}, {failed} not converted" if failed else share


def _place(rate: PlantRate) -> tuple[str, str]:
    return rate.station.casefold(), rate.archive_uuid
