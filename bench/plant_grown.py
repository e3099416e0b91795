"""Makes the index of a plant larger: copies of its rows, of earlier days, with other ids, numbers, names and checksums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bench.plant_segments import EVENTS_A_DAY
from pywats_archive.models.step import no_step
from pywats_archive.plant import manifest as manifests
from pywats_archive.plant.duck import connected, files_sql
from pywats_archive.plant.manifest import Manifest
from pywats_archive.plant.rows import ENTRIES
from pywats_archive.plant.tables import TABLES, IndexTable
from pywats_archive.plant.writing import Writing

_AMPLE = {"memory_limit": "2GB"}
"""Only the index's own processes are measured."""
_DAY_MS = 86_400_000
_SERIAL = "'SN' || lpad(({} - k * {}) :: VARCHAR, 8, '0')"
_ERROR = "ValueError: no header in line "


def grow(folder: Path, count: int, first_day: datetime, days: int) -> int:
    """Write files of months until the index has about ``count`` entries, by the index's own writer; returns their number.

    Its rows, which are of so many days from the first one on, are copied as often as that takes, each time to earlier days.
    """
    manifest = manifests.require(folder)
    base = {table.name: [each.name for each in manifest.of(table.name)] for table in TABLES.values()}
    entries = sum(each.rows for each in manifest.of(ENTRIES))
    copies = round(count / entries) - 1
    writing = Writing(folder, on_step=no_step, now=first_day)
    with connected(folder / manifests.WORK, folder, settings=_AMPLE) as db:
        for month, wanted in _months(first_day, copies, days):
            for table in TABLES.values():
                query = _copied(table, files_sql(folder, base[table.name]), entries, days, wanted)
                before = manifest.of(table.name, month)
                if before:
                    query += f" UNION ALL SELECT {table.names} FROM {files_sql(folder, [each.name for each in before])}"
                manifest = _without(writing.written(db, manifest, table, query, month=month), [x.name for x in before])
    manifests.save(folder, manifest)
    writing.remove_others(manifest)
    return sum(each.rows for each in manifest.of(ENTRIES))


def _months(first_day: datetime, copies: int, days: int) -> Iterator[tuple[str, list[int]]]:
    """Yield the months of the copies, each with the numbers of its copies; a copy counts to the month of its first day."""
    found: dict[str, list[int]] = {}
    for copy in range(1, copies + 1):
        found.setdefault(f"{first_day - timedelta(days=copy * days):%Y-%m}", []).append(copy)
    yield from found.items()


def _copied(table: IndexTable, source: str, entries: int, days: int, copies: list[int]) -> str:
    changed = _changes(entries, days)
    columns = ", ".join(f"{changed.get(name, name)} :: {kind} AS {name}" for name, kind in table.columns.items())
    return f"SELECT {columns} FROM {source}, range({copies[0]}, {copies[-1] + 1}) copies(k)"


def _changes(entries: int, days: int) -> Mapping[str, str]:
    """Return the expressions of the columns that differ in copy ``k``."""
    earlier_ms = f"k * {days * _DAY_MS}"
    return {
        "archived": f"archived - {earlier_ms}",
        "tail": "hash(chain, archived, tail, k) & 16777215",
        "version": f"greatest(1, version - k * {days * EVENTS_A_DAY})",
        "held": f"greatest(1, held - k * {days * EVENTS_A_DAY})",
        "number": f"number - k * {entries}",
        "name": _SERIAL.format("substr(name, 3, 8) :: BIGINT", entries) + " || substr(name, 11)",
        "checksum": "unhex(sha256(checksum || k :: VARCHAR :: BLOB))",
        "converted": f"converted - 1000 * {earlier_ms}",
        "error": f"'{_ERROR}' || (substr(error, {len(_ERROR) + 1}) :: BIGINT - k * {entries})",
        "serial": _SERIAL.format("substr(serial, 3) :: BIGINT", entries),
        "started": f"strftime(make_timestamp((archived - {earlier_ms} - 30000) * 1000), '%Y-%m-%dT%H:%M:%S+00:00')",
        "report_id": "md5(report_id :: VARCHAR || k)",
    }


def _without(manifest: Manifest, gone: list[str]) -> Manifest:
    return manifest.model_copy(update={"files": tuple(each for each in manifest.files if each.name not in gone)})
