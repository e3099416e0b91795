"""The stations of an index: how far each was read, who stopped shipping, and which converters they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pywats_archive.models.plant.station import PlantConverter, PlantIndexed, PlantStation, PlantStations
from pywats_archive.plant.duck import rows
from pywats_archive.plant.indexing import Progressed
from pywats_archive.plant.manifest import ARCHIVE_SHIFT, Chain, Manifest
from pywats_archive.plant.rows import moment_of
from pywats_archive.plant.searching import Index

_CONVERTERS = (
    f"SELECT chain >> {ARCHIVE_SHIFT}, converter, arg_max(converter_version, converted), count(*), max(converted) "
    "FROM entries GROUP BY 1, 2 ORDER BY 1, 2"
)


def stations(index: Index, *, now: datetime, silent_after: timedelta) -> PlantStations:
    """Return the stations, by name."""
    converters: dict[int, list[PlantConverter]] = defaultdict(list)
    for archive, name, version, entries, converted in rows(index.db, _CONVERTERS):
        made = PlantConverter(name=name, version=version, entries=entries, converted_at=moment_of(converted))
        converters[archive].append(made)
    return PlantStations(
        vault=index.manifest.vault,
        updated_at=index.manifest.updated_at,
        stations=_all(index, converters, now=now, silent_after=silent_after),
    )


def known(index: Index, *, now: datetime, silent_after: timedelta) -> tuple[PlantStation, ...]:
    """Return the stations, by name, without a look at their entries."""
    return _all(index, {}, now=now, silent_after=silent_after)


def _all(
    index: Index, converters: Mapping[int, Sequence[PlantConverter]], *, now: datetime, silent_after: timedelta
) -> tuple[PlantStation, ...]:
    of_archive: dict[int, list[Chain]] = defaultdict(list)
    for chain in index.manifest.chains:
        of_archive[chain.archive].append(chain)
    found = (
        _station(index, chains, converters.get(archive, ()), now=now, silent_after=silent_after)
        for archive, chains in of_archive.items()
    )
    return tuple(sorted(found, key=lambda each: (each.station.casefold(), each.archive_uuid)))


def problems(manifest: Manifest, archive: int | None = None) -> tuple[str, ...]:
    """Return the findings of an archive, or of all, as lines."""
    found = (each for each in manifest.findings if archive in (None, each.chain >> ARCHIVE_SHIFT))
    return tuple(each.why for each in found)


def indexed(folder: Path, done: Progressed, entries: int) -> PlantIndexed:
    """Return what an update added."""
    sizes = (path.stat().st_size for each in done.manifest.files if (path := folder / each.name).is_file())
    return PlantIndexed(
        vault=done.manifest.vault,
        index=str(folder),
        archives=len({each.archive for each in done.manifest.chains}),
        segments=done.segments,
        rows=done.rows,
        entries=entries,
        size_bytes=sum(sizes),
        problems=problems(done.manifest),
    )


def _station(
    index: Index,
    chains: Sequence[Chain],
    converters: Sequence[PlantConverter],
    *,
    now: datetime,
    silent_after: timedelta,
) -> PlantStation:
    newest = index.newest_of(chains[0].number)
    age = now - newest.made_at if newest.made_at else None
    return PlantStation(
        station=newest.station,
        archive_uuid=newest.archive_uuid,
        entries=sum(each.entries for each in converters),
        last=newest.last,
        ended_at=newest.ended_at,
        shipped_at=newest.made_at,
        minutes=None if age is None else round(max(0.0, age.total_seconds()) / 60, 1),
        is_silent=age is None or age > silent_after,
        histories=len(chains),
        segments=sum(each.segments for each in chains),
        software=newest.software,
        problems=problems(index.manifest, newest.archive),
        converters=tuple(converters),
    )
