"""Erases the texts in the rows of entries; the id, times, converter and checksums of an entry remain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import search
from pywats_archive.catalog.binding.noting import noted
from pywats_archive.catalog.column_types import json_to_text, moment_to_text, path_to_text, text_to_path
from pywats_archive.catalog.driver import execute, rows
from pywats_archive.catalog.purges import IS_OVER
from pywats_archive.catalog.tables import IS_OPEN
from pywats_archive.models.entry import ERASED
from pywats_archive.models.retention.purge import PurgeReason

Scrub = Callable[[Any], Any]
"""Returns a JSON value without the erased texts; the same object if it has none of them."""
_IDS = "(SELECT value FROM json_each(?))"
_MARK = (
    "UPDATE archive_entries SET purged_at = coalesce(purged_at, ?), purge_id = ? "
    f"WHERE archive_id IN {_IDS} AND source_path <> '{ERASED}' AND hold_reason IS NULL AND (purged_at IS NOT NULL OR {IS_OVER} "
    "AND NOT EXISTS (SELECT 1 FROM reports r WHERE r.archive_id = archive_entries.archive_id "
    "AND r.submission_state = 'WAITING')) RETURNING archive_id, disk_size_bytes, source_checksum"
)
_BLANK = (
    f"UPDATE archive_entries SET source_path = '{ERASED}', archived_path = '', companions = NULL, "
    "conversion_parameters = NULL, conversion_error = NULL, failure_reason = NULL, warnings = NULL, serial_number = NULL, "
    f"part_number = NULL, result = NULL WHERE archive_id IN {_IDS}",
    "UPDATE reports SET serial_number = NULL, part_number = NULL, process = NULL, result = NULL, start_time = NULL, "
    f"last_error = NULL WHERE archive_id IN {_IDS}",
    "UPDATE conversions SET parameters = NULL, configuration = NULL, error = NULL, traceback = NULL, warnings = NULL "
    f"WHERE archive_id IN {_IDS}",
    f"UPDATE arrivals SET path = '{ERASED}', moved_to = CASE WHEN moved_to IS NULL THEN NULL ELSE 'removed' END, "
    "reason = NULL, ctime_ns = NULL, inode = CASE WHEN kept_checksum IS NULL THEN NULL ELSE inode END "
    f"WHERE archive_id IN {_IDS}",
    f"UPDATE run_items SET result = NULL WHERE archive_id IN {_IDS}",
    f"DELETE FROM findings WHERE archive_id IN {_IDS}",
    f"DELETE FROM stored_files WHERE substr(archived_path, 20, 24) IN {_IDS}",
)
_OF_CONVERSIONS = (
    f"SELECT DISTINCT configuration FROM conversions WHERE archive_id IN {_IDS} AND configuration IS NOT NULL"
)
_ORPHANS = (
    f"DELETE FROM configurations WHERE fingerprint IN {_IDS} "
    "AND NOT EXISTS (SELECT 1 FROM conversions WHERE configuration = fingerprint)"
)
_STRAY = f"UPDATE arrivals SET path = '{ERASED}', reason = NULL WHERE archive_id IS NULL AND path IN {_IDS} AND NOT ({IS_OPEN})"
"""An open arrival stays: its file is yet to be archived, and is found by this path."""
_WORDED = (
    "SELECT e.archive_id, t.name, t.error, e.serial_number, (SELECT json_group_array(r.serial_number) FROM reports r "
    "WHERE r.archive_id = e.archive_id) FROM entry_text t JOIN archive_entries e ON e.entry_no = t.rowid "
    "WHERE entry_text MATCH ?"
)
TEXT_KEYED = {"alerts": "subject", "findings": "path", "stored_files": "name"}
"""The bound tables whose keys may be texts about a person, and the column of these texts."""
_SOURCES = (
    "SELECT e.archive_id, coalesce(a.path, e.source_path), coalesce(a.size_bytes, e.source_size_bytes), "
    "coalesce(a.mtime_ns, e.source_mtime_ns), a.inode, e.source_checksum, a.path IS NULL OR a.moved_to IS NOT NULL OR EXISTS "
    "(SELECT 1 FROM arrivals later WHERE later.path = a.path AND later.converter_name = a.converter_name "
    "AND later.arrival_id > a.arrival_id AND later.archive_id <> a.archive_id) "
    f"FROM archive_entries e LEFT JOIN arrivals a ON a.archive_id = e.archive_id WHERE e.archive_id IN {_IDS}"
)
_ID_IN_PATH = slice(19, 43)
"""Where the path of a blob has the id of its entry."""


def mark(tx: Connection, purge_id: int, archive_ids: Sequence[str], *, now: datetime) -> list[tuple[str, int, str]]:
    """Mark entries as purged by an erasure; returns id, bytes on disk and checksum of those that may be erased now."""
    ids = json_to_text(list(archive_ids))
    marked = execute(tx, _MARK, (moment_to_text(now), purge_id, ids)).fetchall()
    values = (len(marked), sum(size for _, size, _ in marked), purge_id)
    execute(tx, "UPDATE purge_history SET archives_purged = ?, bytes_freed = ? WHERE id = ?", values)
    return marked


def unfinished(db: Connection) -> dict[int, tuple[str, str]]:
    """Return the numbers of the erasures that are not finished, each with its converter and its actor."""
    found = "SELECT id, converter_name, actor FROM purge_history WHERE reason = ? AND finished_at IS NULL"
    return {number: (name, actor) for number, name, actor in execute(db, found, (PurgeReason.ERASED.value,))}


def not_blank(db: Connection, purge_id: int) -> tuple[str, ...]:
    """Return the entries of an erasure whose rows still have their texts."""
    found = f"SELECT archive_id FROM archive_entries WHERE purge_id = ? AND source_path <> '{ERASED}' ORDER BY entry_no"
    return tuple(archive_id for (archive_id,) in execute(db, found, (purge_id,)))


def is_erased(db: Connection, archive_id: str) -> bool:
    """Whether an entry was erased."""
    found = f"SELECT 1 FROM archive_entries WHERE archive_id = ? AND source_path = '{ERASED}' AND purged_at IS NOT NULL"
    return execute(db, found, (archive_id,)).fetchone() is not None


def has_begun(db: Connection, archive_id: str) -> bool:
    """Whether an entry was erased, or its erasure is recorded and not finished yet."""
    found = (
        "SELECT 1 FROM archive_entries e LEFT JOIN purge_history p ON p.id = e.purge_id "
        f"WHERE e.archive_id = ? AND e.purged_at IS NOT NULL AND (e.source_path = '{ERASED}' OR p.reason = ?)"
    )
    return execute(db, found, (archive_id, PurgeReason.ERASED.value)).fetchone() is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Worded:
    """An entry with some words in its texts."""

    archive_id: str
    name: str
    """Of its source."""
    message: str
    """Its error and warnings."""
    serials: frozenset[str]
    """All of its serial numbers."""


def with_words(db: Connection, text: str) -> Iterator[Worded]:
    """Stream the entries whose file name, error or warnings have the words of a text side by side."""
    words = search.searchable(text).replace('"', '""')
    if not any(map(str.isalnum, words)):
        return
    for archive_id, name, message, serial, serials in rows(db, _WORDED, (f'{{name error}} : "{words}"',)):
        yield Worded(
            archive_id=archive_id,
            name=name,
            message=message,
            serials=frozenset(filter(None, (serial, *json.loads(serials)))),
        )


def with_name(db: Connection, name: str) -> tuple[str, ...]:
    """Return the entries whose source has this file name, or one of the same words."""
    if (match := search.name_expression(name)) is None:
        return ()
    query = (
        "SELECT archive_id FROM entry_text JOIN archive_entries ON entry_no = entry_text.rowid WHERE entry_text MATCH ?"
    )
    return tuple(each for (each,) in execute(db, query, (match,)))


def texts_of(db: Connection, archive_ids: Sequence[str]) -> Iterator[str]:
    """Stream the paths and serial numbers of entries that no other entry has."""
    ids = json_to_text(list(archive_ids))
    yield from _own(db, "archive_entries", "source_path", ids)
    yield from _own(db, "reports", "serial_number", ids)
    yield from _own(db, "archive_entries", "serial_number", ids)
    yield from moved_to(db, archive_ids)


def _own(db: Connection, table: str, column: str, ids: str) -> Iterator[str]:
    query = (
        f"SELECT DISTINCT t.{column} FROM {table} t WHERE t.archive_id IN {_IDS} AND t.{column} IS NOT NULL "
        f"AND NOT EXISTS (SELECT 1 FROM {table} o WHERE o.{column} = t.{column} AND o.archive_id NOT IN {_IDS})"
    )
    for (text,) in rows(db, query, (ids, ids)):
        if isinstance(text, str) and text not in ("", ERASED):
            yield text_to_path(text) if column == "source_path" else text


def messages_of(db: Connection, archive_ids: Sequence[str]) -> Iterator[str]:
    """Stream the errors and warnings of entries."""
    ids = json_to_text(list(archive_ids))
    query = f"SELECT error, warnings FROM conversions WHERE archive_id IN {_IDS}"
    for error, warnings in rows(db, query, (ids,)):
        yield from filter(None, (error, *json.loads(warnings or "[]")))


def events_of(db: Connection, archive_ids: Sequence[str]) -> int:
    """Count the events of entries."""
    query = f"SELECT count(*) FROM events WHERE archive_id IN {_IDS}"
    return int(execute(db, query, (json_to_text(list(archive_ids)),)).fetchone()[0])


def reports_of(db: Connection, archive_ids: Sequence[str]) -> int:
    """Count the reports of entries."""
    query = f"SELECT count(*) FROM reports WHERE archive_id IN {_IDS}"
    return int(execute(db, query, (json_to_text(list(archive_ids)),)).fetchone()[0])


def size_of(db: Connection, archive_ids: Sequence[str]) -> int:
    """Return the disk space of the blobs of entries that are not purged."""
    query = f"SELECT coalesce(sum(disk_size_bytes), 0) FROM archive_entries WHERE archive_id IN {_IDS} AND purged_at IS NULL"
    return int(execute(db, query, (json_to_text(list(archive_ids)),)).fetchone()[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A source of an entry, as it was archived."""

    archive_id: str
    path: str
    size_bytes: int
    mtime_ns: int
    inode: int | None
    checksum: str
    has_left: bool
    """Whether it was moved or removed since, or another source was archived from its path; with a lost ledger, too."""


def sources_of(db: Connection, archive_ids: Sequence[str]) -> Iterator[Source]:
    """Stream the sources of entries; of an entry without an arrival, as the entry has it."""
    for archive_id, path, size, mtime_ns, inode, checksum, has_left in rows(
        db, _SOURCES, (json_to_text(list(archive_ids)),)
    ):
        yield Source(
            archive_id=archive_id,
            path=text_to_path(path),
            size_bytes=size,
            mtime_ns=mtime_ns,
            inode=None if inode is None else int(inode),
            checksum=checksum,
            has_left=bool(has_left),
        )


def is_of_another(db: Connection, path: str, archive_id: str) -> bool:
    """Whether the source at a path was archived as another entry."""
    found = "SELECT 1 FROM arrivals WHERE path = ? AND archive_id <> ? LIMIT 1"
    return execute(db, found, (path_to_text(path), archive_id)).fetchone() is not None


def moved_to(db: Connection, archive_ids: Sequence[str]) -> Iterator[str]:
    """Stream the paths to which the sources of entries were moved."""
    query = f"SELECT moved_to FROM arrivals WHERE archive_id IN {_IDS} AND moved_to IS NOT NULL"
    for (path,) in rows(db, query, (json_to_text(list(archive_ids)),)):
        if "/" in path or "\\" in path:
            yield text_to_path(path)


def obstacles(db: Connection, archive_ids: Sequence[str]) -> dict[str, tuple[bool, bool, bool]]:
    """Return by entry whether it is held, pending, and has a report that waits for the server."""
    query = (
        f"SELECT archive_id, hold_reason IS NOT NULL, NOT ({IS_OVER}), EXISTS (SELECT 1 FROM reports r "
        "WHERE r.archive_id = archive_entries.archive_id AND r.submission_state = 'WAITING') FROM archive_entries "
        f"WHERE archive_id IN {_IDS}"
    )
    found = execute(db, query, (json_to_text(list(archive_ids)),)).fetchall()
    return {archive_id: (bool(held), bool(pending), bool(waits)) for archive_id, held, pending, waits in found}


def blank(tx: Connection, archive_ids: Sequence[str], paths: Sequence[str], scrub: Scrub) -> None:
    """Erase the texts of entries from all tables but the events; ``paths``: of sources that no other entry has."""
    ids = json_to_text(list(archive_ids))
    configurations = json_to_text([each for (each,) in execute(tx, _OF_CONVERSIONS, (ids,))])
    for statement in _BLANK:
        execute(tx, statement, (ids,))
    execute(tx, _ORPHANS, (configurations,))
    execute(tx, _STRAY, (json_to_text(list(paths)),))
    for (number,) in execute(tx, f"SELECT entry_no FROM archive_entries WHERE archive_id IN {_IDS}", (ids,)).fetchall():
        search.index(tx, number, name=ERASED)
    _scrub_column(tx, "runs", "run_id", "request", scrub)
    _scrub_column(tx, "alerts", "rowid", "details", scrub)
    is_erased = erased_keys(archive_ids, scrub)
    for table, column in TEXT_KEYED.items():
        for (text,) in execute(tx, f"SELECT DISTINCT {column} FROM {table}").fetchall():
            if is_erased(table, text):
                execute(tx, f"DELETE FROM {table} WHERE {column} = ?", (text,))
    if rows_noted := noted(tx):
        rows_noted.forget(lambda table, key: any(is_erased(table, each) for each in key))


def erased_keys(archive_ids: Sequence[str], scrub: Scrub) -> Callable[[str, Any], bool]:
    """Return what tells whether a key of a bound table goes: one with an erased text, but no finding of another entry."""
    ids = frozenset(archive_ids)

    def is_erased(table: str, key: Any) -> bool:
        if table not in TEXT_KEYED or (table == "findings" and str(key)[_ID_IN_PATH] not in ids):
            return False
        return scrub(key) is not key

    return is_erased


def _scrub_column(tx: Connection, table: str, key: str, column: str, scrub: Scrub) -> None:
    for number, text in execute(tx, f"SELECT {key}, {column} FROM {table}").fetchall():
        value = json.loads(text)
        if (scrubbed := scrub(value)) is not value:
            execute(tx, f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (json_to_text(scrubbed), number))
