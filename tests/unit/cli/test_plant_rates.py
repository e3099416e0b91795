"""Failure rates of a plant on a terminal: a column for each station, or a line if there are many."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from pywats_archive.cli.plant.stats import table_of
from pywats_archive.models.plant.figures import PlantRate


def lines(stations: int, *, width: int = 80) -> list[list[str]]:
    """The cells of the lines of a table of ICT at some stations, of which a later one fails more; two have one name."""
    rates = [
        PlantRate(
            station=f"ict-{max(number, 2)}",
            archive_uuid=f"{number:08}-",
            name="ICT",
            entries=100,
            failed=number == 3,
            units=100,
            units_failed=number,
        )
        for number in range(1, stations + 1)
    ]
    output = StringIO()
    Console(file=output, width=width).print(table_of(rates, "converter"))
    return [line.split(maxsplit=1) for line in output.getvalue().splitlines() if line.strip()]


def test_few_stations_stand_side_by_side() -> None:
    """The names are the columns, and the last one has all."""
    heads, _, cells = lines(3, width=160)
    assert heads[1].split()[-2:] == ["ict-3", "all"] and "3.0 % of 100, 1 not" in cells[1]


@pytest.mark.parametrize("stations", [6, 100])
def test_many_stations_have_a_line_each(stations: int) -> None:
    """The worst one is first, in the width of a terminal; of two with one name, each has the number of its archive."""
    heads, _, every, worst, *others = lines(stations)
    assert heads[1].split() == ["station", "did", "not", "pass"] and every[:1] == ["ICT"]
    assert worst[0] == f"ict-{stations}" and worst[1].strip() == f"{stations}.0 % of 100"
    assert len(others) == stations - 1 and {"00000001", "00000002"} == {each[1].split()[0] for each in others[-2:]}
