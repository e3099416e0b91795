"""``plant stations``: who ships, who stopped, and which converters run where."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.plant.words import IndexOption, plant_of
from pywats_archive.models.plant.station import PlantStation
from pywats_archive.models.time import utc_now
from pywats_archive.words.text import printable
from pywats_archive.words.times import brief

_RIGHT = ("entries",)


def stations(
    index: IndexOption = None,
    silent_after: Annotated[
        str, typer.Option("--silent-after", metavar="TIME", help="When a station counts as silent: 12h, 2d, 3w.")
    ] = "26h",
    as_json: options.JsonOption = False,
) -> int:
    """Show who ships to the vault, and who stopped.

    It knows what the vault had when the index was updated.
    """
    found = plant_of(index).stations(silent_after=options.parse_span(silent_after, "--silent-after"))
    has_trouble = any(each.is_silent or each.problems for each in found.stations)
    if as_json:
        print_json(found)
        return 1 if has_trouble else 0
    for each in found.stations:
        for problem in each.problems:
            typer.echo(printable(f"{each.station}: {problem}"), err=True)
    if not found.stations:
        console.print("no stations")
        return 0
    console.print(_table(found.stations))
    console.print(f"as the vault was {brief(found.updated_at, now=utc_now())}", style="dim")
    return 1 if has_trouble else 0


def _table(found: tuple[PlantStation, ...]) -> Table:
    table, now = Table(box=box.SIMPLE_HEAD, pad_edge=False), utc_now()
    for column in ("station", "archive", "last shipped", "last event", "state", "entries", "converters", "software"):
        table.add_column(column, justify="right" if column in _RIGHT else "left", overflow="fold")
    for each in found:
        table.add_row(
            printable(each.station or "-"),
            each.archive_uuid[:8],
            brief(each.shipped_at, now=now),
            brief(each.ended_at, now=now),
            _state(each),
            str(each.entries),
            printable(", ".join(f"{known.name} {known.version or ''}".rstrip() for known in each.converters)),
            printable(each.software.removeprefix("pywats-archive ")),
            style="red" if each.is_silent or each.problems else "",
        )
    return table


def _state(station: PlantStation) -> str:
    states = ["silent"] if station.is_silent else []
    states += ["damaged"] if station.problems else []
    states += [f"rebuilt, {station.histories} histories"] if station.histories > 1 else []
    return "; ".join(states) or "ships"
