"""Searches an index: pages of entries, and one entry with its reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pywats_archive.errors import StorageError, UnknownEntry
from pywats_archive.models.entry import ConversionStatus
from pywats_archive.models.ids import is_archive_id
from pywats_archive.models.plant.entry import PlantEntry, PlantEntryDetails, PlantFilter, PlantReport
from pywats_archive.models.query import COUNTED, Page
from pywats_archive.models.report import SubmissionState, UnitResult
from pywats_archive.plant import manifest as manifests
from pywats_archive.plant.conditions import beyond, conditions, order_sql, position_of
from pywats_archive.plant.duck import connected, rows
from pywats_archive.plant.manifest import Chain, Manifest
from pywats_archive.plant.rows import id_of, moment_of, warnings_of, whole_path
from pywats_archive.plant.tables import ENTRIES, TABLES
from pywats_archive.portable.scratch import Scratch
from pywats_archive.replication import names

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Answer = TypeVar("Answer")
_COLUMNS = tuple(each for each in ENTRIES.columns if each not in ("reason", "first_copy"))
_LISTED, _PLACE = ", ".join(_COLUMNS), ", ".join(_COLUMNS[:3])
"""The columns of a row, and those that name it in one state of the index: chain, archived, tail."""
_PAGE = 1000
"""How many rows are looked up by their places at most."""
_TAIL = re.compile("[0-9a-f]{6}")
_REPORT = (
    "ordinal, coalesce(report_id::VARCHAR, report_id_written), coalesce(serial_written, serial), "
    "coalesce(part_written, part), process, result, started, submission, held_chain, held, path"
)


class Index:
    """An index that is open for reading: ``entries`` and ``reports`` are tables in ``db``."""

    def __init__(self, db: DuckDBPyConnection, manifest: Manifest) -> None:
        self.db = db
        self.manifest = manifest
        self._chains = {each.number: each for each in manifest.chains}
        begun = (each for each in manifest.chains if each.began)
        self._newest = {each.archive: each for each in sorted(begun, key=attrgetter("began"))}

    @property
    def entries(self) -> int:
        """The number of entries."""
        ((found,),) = rows(self.db, "SELECT count(*) FROM entries")
        return int(found)

    def newest_of(self, chain: int) -> Chain:
        """Return the newest history of the archive that a history belongs to."""
        return self._newest.get(chain >> manifests.ARCHIVE_SHIFT, self._chains[chain])

    def key_of(self, chain: int | None, first: int | None) -> str | None:
        """Return the key of a segment in the vault."""
        if chain is None or first is None:
            return None
        known = self._chains[chain]
        return names.segment_key(known.archive_uuid, known.name, first)


@contextmanager
def opened(folder: Path, *, within_s: float | None = None) -> Iterator[Index]:
    """Open an index as it is now; UsageError if there is none, StorageError if a file of it is missing or damaged.

    A process that fills it meanwhile may remove a file that a question needs: ``asked`` asks again then. TooSlow once the block
    took longer than ``within_s``.
    """
    manifest = manifests.require(folder)
    manifests.require_intact(folder, manifest.files, whole=False)
    with Scratch().folder() as work, connected(work, folder, within_s=within_s) as db:
        for table in TABLES.values():
            db.execute(f"CREATE TEMP VIEW {table.name} AS {table.now_sql(folder, manifest)}")
        yield Index(db, manifest)


def asked(folder: Path, question: Callable[[Index], Answer], *, within_s: float | None = None) -> Answer:
    """Ask an index a question, and again if its files were replaced meanwhile. Errors as ``opened``."""
    while True:
        before = manifests.require(folder)
        try:
            with opened(folder, within_s=within_s) as index:
                return question(index)
        except StorageError:
            if manifests.require(folder) == before:
                raise


def find(
    index: Index, wanted: PlantFilter, *, limit: int, offset: int = 0, after: str | None = None
) -> Page[PlantEntry]:
    """Return a page of the matches; at most ``COUNTED`` of them are counted. ``after`` is ``next`` of the page before."""
    asked = conditions(wanted, index.manifest)
    found = _rows(index, wanted, limit=limit + 1, offset=offset, after=after)
    items = tuple(_entry(index, row) for row in found[:limit])
    following = position_of(wanted, dict(zip(_COLUMNS, found[limit - 1], strict=True))) if len(found) > limit else None
    if following is None and after is None and (items or not offset):
        return Page(items=items, total=offset + len(items))
    counted = f"SELECT count(*) FROM (SELECT 1 FROM entries WHERE {asked.where} LIMIT {COUNTED + 1})"
    ((total,),) = rows(index.db, counted, asked.values)
    return Page(items=items, total=min(total, COUNTED), total_is_exact=total <= COUNTED, next=following)


def entry_of(index: Index, archive_uuid: str, archive_id: str) -> PlantEntry:
    """Return the entry with this id of one archive; UnknownEntry if the index has none."""
    wanted = PlantFilter(archive_ids=(archive_id,), station=archive_uuid)
    found = (each for each in every(index, wanted) if each.archive_uuid == archive_uuid)
    entry = next(found, None)
    if entry is None:
        raise UnknownEntry(f"{archive_id}: the index has no such entry of the archive {archive_uuid[:80]}")
    return entry


def converters(index: Index) -> list[str]:
    """Return the names of all converters."""
    return [name for (name,) in rows(index.db, "SELECT DISTINCT converter FROM entries ORDER BY 1")]


def every(index: Index, wanted: PlantFilter, *, limit: int | None = None, offset: int = 0) -> list[PlantEntry]:
    """Return all matches, behind some of them."""
    return [_entry(index, row) for row in _rows(index, wanted, limit=limit, offset=offset)]


def details(index: Index, entry: PlantEntry) -> PlantEntryDetails:
    """Return an entry with its reports."""
    wanted = PlantFilter(archive_ids=(entry.archive_id,), station=entry.archive_uuid)
    asked = conditions(wanted, index.manifest)
    query = (
        f"SELECT {_REPORT} FROM reports WHERE (chain, archived, tail) IN "
        f"(SELECT chain, archived, tail FROM entries WHERE {asked.where}) ORDER BY number"
    )
    found = rows(index.db, query, asked.values)
    return PlantEntryDetails(entry=entry, reports=tuple(_report(index, entry.archive_id, row) for row in found))


def named_by(index: Index, named: str, station: str | None, *, limit: int) -> list[PlantEntry]:
    """Return the newest entries that a text names: by their id, by its last six digits, or by their serial number."""
    if is_archive_id(named):
        return every(index, PlantFilter(archive_ids=(named,), station=station), limit=limit)
    found = every(index, PlantFilter(serial_number=named, station=station), limit=limit)
    if not found and _TAIL.fullmatch(named):
        return every(index, PlantFilter(id_tail=named, station=station), limit=limit)
    return found


def _rows(
    index: Index, wanted: PlantFilter, *, limit: int | None, offset: int, after: str | None = None
) -> list[tuple[Any, ...]]:
    """Return the values of ``_COLUMNS`` of the matches.

    Of a page, the places of its rows are found first: to order whole rows, DuckDB reads all columns of all of them.
    """
    asked = [conditions(wanted, index.manifest), *([beyond(wanted, after)] if after is not None else [])]
    where, values = " AND ".join(each.where for each in asked), [value for each in asked for value in each.values]
    query = f"FROM entries WHERE {where} {order_sql(wanted)} OFFSET {offset}"
    if limit is None or limit > _PAGE:
        return rows(index.db, f"SELECT {_LISTED} {query}" + (f" LIMIT {limit}" if limit is not None else ""), values)
    places = rows(index.db, f"SELECT {_PLACE} {query} LIMIT {limit}", values)
    if not places:
        return []
    moments, whole = ", ".join({str(at) for _, at, _ in places}), ", ".join(map(str, places))
    found = rows(index.db, f"SELECT {_LISTED} FROM entries WHERE archived IN ({moments}) AND ({_PLACE}) IN ({whole})")
    at_place = {row[:3]: row for row in found}
    return [at_place[each] for each in places]


def _entry(index: Index, row: Sequence[Any]) -> PlantEntry:
    chain, at, tail, latest, held, held_chain, path, converter, version, folder, name, checksum, size = row[:13]
    converted, status, error, duration, warnings, result, serial, part, reports, companions, hold, purged = row[13:]
    known, archive_id = index.newest_of(chain), id_of(at, tail)
    return PlantEntry(
        archive_id=archive_id,
        station=known.station,
        archive_uuid=known.archive_uuid,
        converter_name=converter,
        converter_version=version,
        source_original_path=folder + name,
        source_checksum=f"sha256:{checksum.hex()}" if checksum is not None else None,
        source_size_bytes=size,
        conversion_timestamp=moment_of(converted),
        conversion_status=ConversionStatus(status),
        conversion_error=error,
        conversion_duration_ms=duration,
        warnings=warnings_of(warnings),
        report_count=reports,
        serial_number=serial,
        part_number=part,
        result=UnitResult.read(result),
        hold_reason=hold,
        purged_at=None if purged is None else moment_of(purged),
        companions=companions,
        segment=index.key_of(held_chain, held),
        member=whole_path(path, "sources", archive_id),
        newest_segment=index.key_of(chain, latest) or "",
    )


def _report(index: Index, archive_id: str, row: Sequence[Any]) -> PlantReport:
    ordinal, report_id, serial, part, process, result, started, submission, held_chain, held, path = row
    return PlantReport(
        ordinal=ordinal,
        report_id=report_id,
        serial_number=serial,
        part_number=part,
        process=process,
        result=result,
        start_time=started,
        submission_state=SubmissionState(submission),
        segment=index.key_of(held_chain, held),
        member=whole_path(path, "reports", archive_id),
    )
