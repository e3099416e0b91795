"""Entries: one row for each archived source, with its latest conversion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import search, tables
from pywats_archive.catalog.column_types import path_to_text
from pywats_archive.catalog.driver import execute, rows
from pywats_archive.catalog.rows import BadRow, Rows, names_in, sound_or_bad
from pywats_archive.errors import CatalogDamaged, UnknownEntry
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ArchiveEntry, Companion, ConversionStatus, SourceKind
from pywats_archive.models.operation.trends import reason_of
from pywats_archive.models.report import Report, UnitResult, worst
from pywats_archive.redaction import redacted

_KEPT_BY_TRIGGERS = ("all_reports", "all_reports_size_bytes", "all_reports_compressed_bytes")
_ROWS = Rows(tables.archive_entries, key="entry_no", apart=(*_KEPT_BY_TRIGGERS, "purge_id"))
COLUMNS = _ROWS.columns
"""The columns that ``entry_of`` reads, in order."""
_BY_ID = f"{_ROWS.select} WHERE archive_id = ?"
_RENAMED = {"source_original_path": "source_path", "source_archived_path": "archived_path"}


def add(tx: Connection, entry: ArchiveEntry, *, shown: Sequence[Report] = ()) -> int:
    """Add an entry, to the full-text index too; returns its number.

    ``shown`` are the reports of its latest conversion, if that is otherwise unknown.
    """
    number = _ROWS.insert(tx, values_of(entry) | (_report_columns(shown) if shown else {}))
    texts = search.texts(entry.conversion_error, entry.warnings, shown)
    search.index(tx, number, name=search.name_of(entry.source_original_path), **texts)
    return number


def get(db: Connection, archive_id: str) -> ArchiveEntry:
    """Return one entry; UnknownEntry if there is none."""
    row = execute(db, _BY_ID, (archive_id,)).fetchone()
    if row is None:
        raise _unknown(archive_id)
    return entry_of(row)


def has(db: Connection, archive_id: str) -> bool:
    """Whether there is such an entry."""
    return execute(db, "SELECT 1 FROM archive_entries WHERE archive_id = ?", (archive_id,)).fetchone() is not None


def require(db: Connection, archive_id: str) -> None:
    """Raise UnknownEntry unless there is such an entry."""
    if not has(db, archive_id):
        raise _unknown(archive_id)


def newest_id(db: Connection) -> str:
    """Return the greatest archive id; empty if there is none."""
    return str(execute(db, "SELECT max(archive_id) FROM archive_entries").fetchone()[0] or "")


def oldest_id(db: Connection) -> str | None:
    """Return the smallest archive id; None if there is none."""
    (found,) = execute(db, "SELECT min(archive_id) FROM archive_entries").fetchone()
    return str(found) if found else None


def converter_names(db: Connection) -> tuple[str, ...]:
    """Return the names of all converters that have entries, in order."""
    return names_in(db, tables.entry_figures)


def by_id(db: Connection, after: Any, limit: int) -> tuple[ArchiveEntry | BadRow, ...]:
    """Return the next entries after this archive id, in the order of ids; an invalid row is returned as such."""
    return _judged(rows(db, f"{_ROWS.select} WHERE archive_id > ? ORDER BY archive_id LIMIT ?", (after, limit)))


def of_id(db: Connection, archive_id: str) -> tuple[ArchiveEntry | BadRow, ...]:
    """Return one entry, or why its row is invalid; empty if there is none."""
    return _judged(rows(db, _BY_ID, (archive_id,)))


def find_same_source(
    db: Connection, *, path: str, size_bytes: int, mtime_ns: int, checksum: str, converter_name: str
) -> ArchiveEntry | None:
    """Return the latest entry of this very source: same path, time, size and content."""
    row = execute(
        db,
        f"{_ROWS.select} WHERE source_path = ? AND source_mtime_ns = ? AND source_size_bytes = ? "
        "AND source_checksum = ? AND converter_name = ? ORDER BY entry_no DESC LIMIT 1",
        (path_to_text(path), mtime_ns, size_bytes, checksum, converter_name),
    ).fetchone()
    return entry_of(row) if row else None


def known_paths(db: Connection, paths: Iterable[str]) -> set[str]:
    """Return those of ``paths`` at which a source of any entry was."""
    one = "SELECT 1 FROM archive_entries WHERE source_path = ? LIMIT 1"
    return {path for path in paths if execute(db, one, (path_to_text(path),)).fetchone()}


def at_path(db: Connection, path: str, converter_name: str) -> tuple[ArchiveEntry, ...]:
    """Return all entries of a converter whose source was at this path, oldest first."""
    where = f"{_ROWS.select} WHERE source_path = ? AND converter_name = ? ORDER BY entry_no"
    return tuple(map(entry_of, rows(db, where, (path_to_text(path), converter_name))))


def shorter_at_its_place(
    db: Connection, entry: ArchiveEntry, *, by_inode: bool, limit: int
) -> tuple[ArchiveEntry, ...]:
    """Return shorter files with reports that came to the same converter at the path of an entry, latest first.

    ``by_inode``: those that were the same file there under another name; reads all arrivals of the converter.
    """
    return _beside(db, entry, _SAME_INODE if by_inode else _SAME_PATH, "<", limit)


def longer_at_its_place(db: Connection, entry: ArchiveEntry, *, limit: int) -> tuple[ArchiveEntry, ...]:
    """Return longer files with reports that came to the same converter at the path of an entry, latest first."""
    return _beside(db, entry, _SAME_PATH, ">", limit)


_ARRIVED_BESIDE = (
    "SELECT o.archive_id FROM arrivals a JOIN arrivals o ON o.{0} = a.{0} AND o.converter_name = a.converter_name "
    "WHERE a.archive_id = ?1"
)
_SAME_INODE = _ARRIVED_BESIDE.format("inode")
_SAME_PATH = (
    "SELECT o.archive_id FROM archive_entries own JOIN archive_entries o ON o.source_path = own.source_path "
    f"WHERE own.archive_id = ?1 UNION {_ARRIVED_BESIDE.format('path')}"
)


def _beside(db: Connection, entry: ArchiveEntry, among: str, than: str, limit: int) -> tuple[ArchiveEntry, ...]:
    text = (
        f"{_ROWS.select} WHERE archive_id IN ({among}) AND +converter_name = ?2 AND source_kind = 'file' "
        f"AND source_size_bytes > 0 AND source_size_bytes {than} ?3 "
        "AND EXISTS (SELECT 1 FROM reports r WHERE r.archive_id = archive_entries.archive_id) "
        "ORDER BY +entry_no DESC LIMIT ?4"
    )
    values = (entry.archive_id, entry.converter_name, entry.source_size_bytes, limit)
    return tuple(each for each in _judged(rows(db, text, values)) if not isinstance(each, BadRow))


def set_companions(tx: Connection, archive_id: str, companions: Sequence[Companion], *, disk_size_bytes: int) -> None:
    """Set the companions of an entry; the blob of the new ones takes ``disk_size_bytes``."""
    listed = [asdict(each) for each in companions] or None
    change(tx, archive_id, {"companions": listed}, added={"disk_size_bytes": disk_size_bytes})


def apply_conversion(
    tx: Connection, archive_id: str, conversion: Conversion, reports: Sequence[Report], *, retention_until: date
) -> None:
    """Show a conversion and its reports as the entry's latest, in the full-text index too."""
    changes: dict[str, Any] = {
        "conversion_timestamp": conversion.started_at,
        "conversion_status": conversion.status.value,
        "conversion_error": conversion.error,
        "failure_reason": _reason(conversion.status, conversion.error),
        "conversion_duration_ms": conversion.duration_ms,
        "conversion_parameters": conversion.parameters or None,
        "warnings": list(conversion.warnings) or None,
        "retention_until": retention_until,
        **_report_columns(reports),
    }
    if conversion.converter_version:
        changes["converter_version"] = conversion.converter_version
    change(tx, archive_id, changes)
    reindex(tx, archive_id, conversion.error, conversion.warnings, reports)


def add_report(tx: Connection, archive_id: str, report: Report) -> None:
    """Show one more report of the latest conversion."""
    entry = get(tx, archive_id)
    if entry.report_count == 0:
        changes = _report_columns([report])
    else:
        result = worst((entry.result, UnitResult.read(report.result)))
        changes = {"report_count": entry.report_count + 1, "result": _stored(result)}
    change(tx, archive_id, changes)
    search.index_more(tx, archive_id, serial=report.serial_number or "", part=report.part_number or "")


def add_warning(tx: Connection, entry: ArchiveEntry, warning: str, reports: Sequence[Report]) -> None:
    """Show one more warning of the latest conversion, which has these reports; idempotent."""
    if warning not in entry.warnings:
        warnings = (*entry.warnings, warning)
        change(tx, entry.archive_id, {"warnings": list(warnings)})
        reindex(tx, entry.archive_id, entry.conversion_error, warnings, reports)


def skip(tx: Connection, archive_id: str, reason: str) -> None:
    """Show an entry that was never converted as skipped, in the full-text index too."""
    said = {"conversion_error": reason, "warnings": [reason]}
    change(tx, archive_id, {"conversion_status": ConversionStatus.SKIPPED.value, **said})
    reindex(tx, archive_id, reason, (reason,), ())


def show_reports(tx: Connection, archive_id: str, reports: Sequence[Report]) -> None:
    """Show these as the reports of the latest conversion, which is otherwise unknown."""
    change(tx, archive_id, _report_columns(reports))
    entry = get(tx, archive_id)
    reindex(tx, archive_id, entry.conversion_error, entry.warnings, reports)


def set_rebuilt(tx: Connection, archive_id: str, at: datetime, *, shown_as_of: datetime) -> None:
    """Show an entry as converted, since a rebuild found reports; no conversion of it has the moment ``shown_as_of``."""
    changes = {
        "conversion_timestamp": shown_as_of,
        "conversion_status": ConversionStatus.SUCCESS.value,
        "rebuilt_at": at,
    }
    unknown = ("conversion_error", "failure_reason", "conversion_duration_ms", "conversion_parameters", "warnings")
    change(tx, archive_id, changes | dict.fromkeys(unknown))


def values_of(entry: ArchiveEntry) -> dict[str, Any]:
    """Return the columns of an entry's row."""
    values = {name: getattr(entry, name) for name in entry.__slots__}
    for model_name, column in _RENAMED.items():
        values[column] = values.pop(model_name)
    values["companions"] = [asdict(companion) for companion in entry.companions] or None
    values["warnings"] = list(entry.warnings) or None
    values["conversion_parameters"] = entry.conversion_parameters or None
    values["source_kind"], values["conversion_status"] = entry.source_kind.value, entry.conversion_status.value
    values["result"] = _stored(entry.result)
    values["failure_reason"] = _reason(entry.conversion_status, entry.conversion_error)
    return values


def _report_columns(reports: Sequence[Report]) -> dict[str, Any]:
    """Return the columns of an entry's row about its reports: their number, and the fields of the first."""
    first = reports[0] if reports else None
    return {
        "report_id": first.report_id if first else None,
        "report_archived_path": first.archived_path if first else None,
        "report_size_bytes": first.size_bytes if first else None,
        "report_count": len(reports),
        "serial_number": first.serial_number if first else None,
        "part_number": first.part_number if first else None,
        "result": _stored(worst(UnitResult.read(report.result) for report in reports)),
    }


def _reason(status: ConversionStatus, error: str | None) -> str | None:
    """Return why a conversion failed, as ``trends`` groups it; None if it did not."""
    return reason_of(redacted(error or "")) if status is ConversionStatus.FAILED else None


def _stored(result: UnitResult | None) -> str | None:
    return result.value if result else None


def change(tx: Connection, archive_id: str, changes: dict[str, Any], *, added: dict[str, int] | None = None) -> None:
    """Set columns of an entry's row, and add to others; UnknownEntry if there is none."""
    if not _ROWS.update(tx, "archive_id", archive_id, changes, added=added):
        raise _unknown(archive_id)


def _unknown(archive_id: str) -> UnknownEntry:
    return UnknownEntry(f"no entry '{archive_id}'; 'pywats-archive list' shows the entries")


def reindex(tx: Connection, archive_id: str, error: str | None, warnings: Sequence[str], of: Sequence[Report]) -> None:
    """Let the full-text index find an entry by these texts and reports."""
    search.index_again(tx, archive_id, **search.texts(error, warnings, of))


def _judged(found: Iterable[Any]) -> tuple[ArchiveEntry | BadRow, ...]:
    return tuple(sound_or_bad(found, _decoded, label="the row of entry {0}"))


def entry_of(row: Any) -> ArchiveEntry:
    """Return the entry of a row; CatalogDamaged names an invalid row."""
    (made,) = _judged([row])
    if isinstance(made, BadRow):
        raise CatalogDamaged(f"{made.fault}: run 'pywats-archive rebuild'")
    return made


def _decoded(row: Any) -> ArchiveEntry:
    values = _ROWS.decode(row)
    del values["failure_reason"]  # for the figures alone; the entry has the error
    for model_name, column in _RENAMED.items():
        values[model_name] = values.pop(column)
    values["companions"] = tuple(Companion(**each) for each in values["companions"] or ())
    values["warnings"] = tuple(values["warnings"] or ())
    values["conversion_parameters"] = values["conversion_parameters"] or {}
    values["source_kind"] = SourceKind(values["source_kind"])
    values["conversion_status"] = ConversionStatus(values["conversion_status"])
    values["result"] = UnitResult(values["result"]) if values["result"] else None
    return ArchiveEntry(**values)
