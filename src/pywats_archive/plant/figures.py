"""Failure rates of an index: by converter or part number, and station."""

from __future__ import annotations

from pywats_archive.models.plant.entry import PlantFilter
from pywats_archive.models.plant.figures import PlantFigures, PlantRate
from pywats_archive.models.report import UnitResult
from pywats_archive.plant.conditions import conditions
from pywats_archive.plant.duck import rows
from pywats_archive.plant.manifest import ARCHIVE_SHIFT
from pywats_archive.plant.searching import Index

GROUPS = ("converter", "part")
_PASSED = ", ".join(f"'{each.value}'" for each in (UnitResult.PASSED, UnitResult.DONE))


def figures(index: Index, wanted: PlantFilter, *, by: str) -> PlantFigures:
    """Return the figures of the entries that match; ``by`` is one of ``GROUPS``."""
    assert by in GROUPS
    asked = conditions(wanted, index.manifest)
    query = (
        f"SELECT max(chain), {by}, count(*), count(*) FILTER (status = 'FAILED'), count(result), "
        f"count(*) FILTER (result NOT IN ({_PASSED})) FROM entries WHERE {asked.where} "
        f"GROUP BY chain >> {ARCHIVE_SHIFT}, {by} ORDER BY {by} NULLS LAST, 1"
    )
    found = []
    for chain, name, entries, failed, units, units_failed in rows(index.db, query, asked.values):
        known = index.newest_of(chain)
        found.append(
            PlantRate(
                station=known.station,
                archive_uuid=known.archive_uuid,
                name=name,
                entries=entries,
                failed=failed,
                units=units,
                units_failed=units_failed,
            )
        )
    return PlantFigures(by=by, rates=tuple(found))
