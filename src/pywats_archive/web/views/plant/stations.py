"""The stations of a plant as the Overview shows them: who stopped shipping, and what each runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from pywats_archive.models.plant.figures import PlantRate
from pywats_archive.models.plant.station import PlantConverter, PlantStation, PlantStations
from pywats_archive.web.views.overview import Line
from pywats_archive.web.views.plant.address import key_of
from pywats_archive.web.views.words import Badge, visible
from pywats_archive.words.text import counted, listed
from pywats_archive.words.times import brief

_OLD = timedelta(hours=1)
"""The index is meant to be updated every few minutes."""
_LINES = 10
"""Silent stations with a line of their own."""
_SHOWN = 5
"""Problems of a station that are written out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConverter:
    """A converter of a station, and its version."""

    name: str
    version: str
    is_other: bool
    """Whether most stations run another version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StationRow:
    """One station in the table."""

    station: PlantStation
    name: str
    address: str
    failed_address: str
    states: tuple[Badge, ...]
    lag: str
    failed: int
    compared: int
    """Entries of the days that are compared, of which ``failed`` were not converted."""
    converters: tuple[RunConverter, ...]


def alerts(found: PlantStations, *, now: datetime) -> tuple[Line, ...]:
    """Return a line if the index is old, for each station that stopped shipping, longest silent first, and for damage."""
    stations = found.stations
    silent = sorted((each for each in stations if each.is_silent), key=lambda each: -(each.minutes or float("inf")))
    lines = [Line(text=_silence(each, now), tone="bad") for each in silent[:_LINES]]
    if len(silent) > _LINES:
        names = listed([_name(each) for each in silent[_LINES:]])
        lines.append(
            Line(text=f"{counted(len(silent) - _LINES, 'more station')} stopped shipping: {names}.", tone="bad")
        )
    if found.updated_at and now - found.updated_at > _OLD:
        updated = brief(found.updated_at, now=now)
        lines.insert(
            0, Line(text=f"The index was updated {updated}. Run 'pywats-archive plant index' again.", tone="warn")
        )
    for each in stations:
        lines += (
            Line(text=f"{_name(each)}: {visible(problem, most=1000)}", tone="bad") for problem in each.problems[:_SHOWN]
        )
        if len(each.problems) > _SHOWN:
            more = counted(len(each.problems) - _SHOWN, "more problem")
            lines.append(Line(text=f"{_name(each)}: {more}.", tone="bad"))
    return tuple(lines)


def rows(stations: Sequence[PlantStation], rates: Iterable[PlantRate], *, since: str) -> tuple[StationRow, ...]:
    """Return the stations, by name; ``since`` is the first day of what is compared, as an address has it."""
    entries, failed = Counter[str](), Counter[str]()
    for rate in rates:
        entries[rate.archive_uuid] += rate.entries
        failed[rate.archive_uuid] += rate.failed
    usual = _usual_versions(stations)
    return tuple(_row(each, stations, entries, failed, usual, since) for each in stations)


def lag(minutes: float | None) -> str:
    """Write how long ago something was shipped."""
    if minutes is None:
        return "-"
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 2880 else f"{minutes / 1440:.0f} days"


def _row(
    station: PlantStation,
    all_stations: Sequence[PlantStation],
    entries: Counter[str],
    failed: Counter[str],
    usual: dict[str, str | None],
    since: str,
) -> StationRow:
    key = key_of(station, all_stations)
    return StationRow(
        station=station,
        name=_name(station),
        address=f"/archives?{urlencode({'station': key})}",
        failed_address=f"/archives?{urlencode({'station': key, 'status': 'failed'} | ({'from': since} if since else {}))}",
        states=_states(station),
        lag=lag(station.minutes),
        failed=failed[station.archive_uuid],
        compared=entries[station.archive_uuid],
        converters=tuple(_converter(each, usual) for each in station.converters),
    )


def _states(station: PlantStation) -> tuple[Badge, ...]:
    found = [Badge("Silent", "bad")] if station.is_silent else [Badge("Ships", "good")]
    found += [Badge("Damaged", "bad")] if station.problems else []
    found += [Badge(f"Rebuilt, {station.histories} histories", "warn")] if station.histories > 1 else []
    return tuple(found)


def _silence(station: PlantStation, now: datetime) -> str:
    if station.shipped_at is None:
        return f"{_name(station)} has shipped nothing yet. 'pywats-archive vault status' there says why."
    shipped = brief(station.shipped_at, now=now)
    return (
        f"{_name(station)} stopped shipping: the last segment was made {shipped}, {lag(station.minutes)} ago. "
        "'pywats-archive vault status' there says why."
    )


def _name(station: PlantStation) -> str:
    return visible(station.station or station.archive_uuid, most=60)


def _converter(converter: PlantConverter, usual: dict[str, str | None]) -> RunConverter:
    return RunConverter(
        name=visible(converter.name, most=60),
        version=visible(converter.version or "", most=40),
        is_other=converter.version != usual[converter.name],
    )


def _usual_versions(stations: Iterable[PlantStation]) -> dict[str, str | None]:
    """Return for each converter the version that most stations run; of several, that which converted last."""
    found: dict[str, Counter[str | None]] = {}
    newest: dict[tuple[str, str | None], datetime] = {}
    for each in (converter for station in stations for converter in station.converters):
        found.setdefault(each.name, Counter())[each.version] += 1
        key = (each.name, each.version)
        newest[key] = max(newest.get(key, each.converted_at), each.converted_at)
    return {
        name: max(versions, key=lambda version, name=name: (versions[version], newest[name, version]))  # type: ignore[misc]
        for name, versions in found.items()
    }
