"""Failure rates, station beside station: whether it is the fixture, or the product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from urllib.parse import urlencode

from pywats_archive.models.plant.figures import PlantRate
from pywats_archive.models.plant.station import PlantStation
from pywats_archive.web.views.plant.address import key_of
from pywats_archive.web.views.words import visible
from pywats_archive.words.text import told_apart

_MOST_ROWS, _MOST_STATIONS = 50, 40
_STANDS_OUT = 3.0
"""Standard errors by which a rate lies above that of the other stations; less often than once in 700 by chance alone."""
_LEAST_FAILED = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What one station, or all, has of one name."""

    percent: float | None
    """Units that did not pass, of all with a result."""
    units: int
    failed: int
    """Conversions that failed."""
    stands_out: bool = False
    """Whether far more units fail than at the other stations."""
    units_address: str = ""
    failed_address: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateRow:
    """One converter or part number."""

    name: str
    cells: tuple[Cell | None, ...]
    """One for each station; None if it has no such entry."""
    all: Cell


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """The table."""

    stations: tuple[str, ...]
    rows: tuple[RateRow, ...]
    more_rows: int = 0
    more_stations: int = 0


def rates(found: Iterable[PlantRate], stations: Sequence[PlantStation], *, by: str, since: str) -> Rates:
    """Return the table: what fails most comes first, and stations are in their order, those with the most entries if many."""
    of_name: dict[str | None, dict[str, PlantRate]] = defaultdict(dict)
    entries: dict[str, int] = defaultdict(int)
    for rate in found:
        of_name[rate.name][rate.archive_uuid] = rate
        entries[rate.archive_uuid] += rate.entries
    largest = sorted(entries, key=lambda uuid: -entries[uuid])[:_MOST_STATIONS]
    shown = [each for each in stations if each.archive_uuid in largest]
    names = sorted(of_name, key=lambda name: (-_failures(of_name[name].values()), name is None, name or ""))
    apart = told_apart((each.station, each.archive_uuid) for each in stations)
    keys = {each.archive_uuid: key_of(each, stations) for each in stations}
    return Rates(
        stations=tuple(visible(apart[each.archive_uuid], most=40) for each in shown),
        rows=tuple(_row(name, of_name[name], shown, keys, by, since) for name in names[:_MOST_ROWS]),
        more_rows=max(0, len(names) - _MOST_ROWS),
        more_stations=len(entries) - len(largest),
    )


def stands_out(failed: int, units: int, others_failed: int, others: int) -> bool:
    """Return whether a share lies above that of the others by more than chance (two-proportion z-test, pooled)."""
    if not units or not others or failed < _LEAST_FAILED:
        return False
    pooled = (failed + others_failed) / (units + others)
    error = sqrt(pooled * (1 - pooled) * (1 / units + 1 / others))
    return error > 0 and (failed / units - others_failed / others) / error >= _STANDS_OUT


def _row(
    name: str | None,
    of_station: Mapping[str, PlantRate],
    shown: Sequence[PlantStation],
    keys: Mapping[str, str],
    by: str,
    since: str,
) -> RateRow:
    units = sum(each.units for each in of_station.values())
    failed = sum(each.units_failed for each in of_station.values())
    cells: list[Cell | None] = []
    for station in shown:
        if (own := of_station.get(station.archive_uuid)) is None:
            cells.append(None)
            continue
        query = {"station": keys[station.archive_uuid], by: _exact(name, by)} | ({"from": since} if since else {})
        cells.append(
            Cell(
                percent=own.failed_percent,
                units=own.units,
                failed=own.failed,
                stands_out=stands_out(own.units_failed, own.units, failed - own.units_failed, units - own.units),
                units_address=f"/archives?{urlencode(query)}" if name else "",
                failed_address=f"/archives?{urlencode(query | {'status': 'failed'})}" if name else "",
            )
        )
    whole = Cell(
        percent=100 * failed / units if units else None,
        units=units,
        failed=sum(each.failed for each in of_station.values()),
    )
    return RateRow(name=visible(name or "none", most=60), cells=tuple(cells), all=whole)


def _failures(found: Iterable[PlantRate]) -> int:
    return sum(each.units_failed + each.failed for each in found)


def _exact(name: str | None, by: str) -> str:
    """Return a name as an address has it: in a part number, ``*`` and ``%`` would stand for any characters."""
    known = name or ""
    return known.replace("*", "?").replace("%", "?") if by == "part" else known
