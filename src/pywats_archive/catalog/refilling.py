"""Fills a new catalog with the rows of another one, which come newest first: the first state of a row is the one to keep.

No trigger runs meanwhile, and nothing is bound: the events that bind the rows are among them. What triggers and code derive
from rows is computed at the end.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import exporting, search
from pywats_archive.catalog.column_types import text_to_path
from pywats_archive.catalog.driver import OF_ONE_VALUE, execute, rows
from pywats_archive.catalog.engine import Catalog
from pywats_archive.catalog.events import last_number
from pywats_archive.catalog.figures_check import SUMS
from pywats_archive.catalog.row_check import ChainBreak, Difference, RowFault, check
from pywats_archive.catalog.tables import IS_OPEN, metadata

_SEEN = "CREATE TEMP TABLE seen (tab TEXT, key TEXT, PRIMARY KEY (tab, key)) WITHOUT ROWID"
_SEE = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
_STATUS = "CASE WHEN purged_at IS NULL THEN conversion_status ELSE 'PURGED' END"
_ENTRY_FIGURES = (
    f"INSERT INTO entry_figures (converter_name, day, status, {SUMS}) SELECT converter_name, substr(archive_id, 1, 8), "
    f"{_STATUS}, count(*), sum(warnings IS NOT NULL), sum(source_size_bytes), sum(compressed_size_bytes), "
    "sum(disk_size_bytes), sum(all_reports), sum(all_reports_size_bytes), sum(all_reports_compressed_bytes) "
    "FROM archive_entries GROUP BY 1, 2, 3"
)
_ARRIVAL_FIGURES = (
    "INSERT INTO arrival_figures (converter_name, day, state, arrivals, first_arrival) SELECT converter_name, "
    f"substr(first_seen_at, 1, 10), state, count(*), min(arrival_id) FROM arrivals WHERE NOT ({IS_OPEN}) GROUP BY 1, 2, 3"
)
_ENTRIES = (
    "SELECT entry_no, archive_id, source_path, conversion_error, warnings, report_archived_path, report_count, "
    "serial_number, part_number FROM archive_entries WHERE entry_no > ? ORDER BY entry_no LIMIT 500"
)
_REPORTS = "SELECT archived_path, serial_number, part_number FROM reports WHERE archive_id = ? ORDER BY report_no"
_PURGED = "SELECT purged_at IS NOT NULL FROM archive_entries WHERE archive_id = ?"
_REMOVED = (
    "SELECT 1 FROM events WHERE archive_id = ? AND kind = 'report.removed' AND json_extract(details, '$.blob') = ?"
)
_CHECKSUM = (
    "SELECT source_checksum FROM archive_entries WHERE archive_id = ? AND archived_path = ? "
    "UNION ALL SELECT checksum FROM reports WHERE archive_id = ? AND archived_path = ?"
)
_UNPURGED = "SELECT archived_path FROM archive_entries WHERE purged_at IS NULL AND archived_path <> ''"
_EVENTS = "SELECT sequence, previous_hash, hash FROM events WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT 1000"
_LAST = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1"
_COLUMNS = {table.name: frozenset(table.columns.keys()) for table in metadata.tables.values()}

_OF_A_LINE = (*OF_ONE_VALUE, sqlite3.InterfaceError, KeyError, TypeError, AttributeError, RecursionError, UnicodeError)
"""Errors of a line that no export wrote."""
EventMark = tuple[int, str]
"""The number of an event and a hash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refilled:
    """What the new catalog has, and where rows and events do not agree."""

    entries: int
    last: int
    hash: str
    """The number and the hash of the last event."""
    broken_at: int | None
    """The event at which the history is broken; None if it is whole."""
    newer: tuple[tuple[str, str], ...]
    """Tables and keys of rows that were copied later than the last event."""
    missing: int
    """Rows that the history names and that are not there."""
    without_blob: tuple[str, ...] = ()
    """The blobs of sources that are not purged and not there."""


class Refilling:
    """Fills one catalog; used by one thread."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, lines: Iterable[bytes], first: EventMark, last: EventMark) -> None:
        """Add the rows of some lines, unless a later state of them was added before.

        ``first`` is the number of their first event and the hash of the event before, ``last`` the number and hash of their
        last one. ValueError, and no row is added, if they have other events, or if a line is not one that an export writes.
        """
        execute(self._db, "SAVEPOINT lines")
        try:
            for line in lines:
                self._put(line)
            self._require_events(first, last)
        except BaseException as exc:
            execute(self._db, "ROLLBACK TO lines")
            execute(self._db, "RELEASE lines")
            if isinstance(exc, _OF_A_LINE):
                raise ValueError(f"a line of its rows is not readable ({exc!r})") from exc
            raise
        execute(self._db, "RELEASE lines")

    def _put(self, line: bytes) -> None:
        table, key, values = exporting.read_line(line)
        exporting.require_key(table, key, values)
        if execute(self._db, _SEE, (table, key)).rowcount and values:
            known = {name: value for name, value in values.items() if name in _COLUMNS[table]}
            places = ", ".join("?" * len(known))
            execute(self._db, f"INSERT INTO {table} ({', '.join(known)}) VALUES ({places})", list(known.values()))

    def _require_events(self, first: EventMark, last: EventMark) -> None:
        """Require the events of a range, each after the one before. Whether each has its own hash is checked at the end."""
        (number, chained), (end, final) = first, last
        for sequence, before, own in _numbered(self._db, number, end):
            if (sequence, before) != (number, chained):
                raise ValueError(f"its rows do not have event {number} after the event before")
            number, chained = number + 1, own
        if (number, chained) != (end + 1, final):
            raise ValueError(f"its rows end with event {number - 1}, and not with event {end}")

    def wants(self, path: str, archive_id: str) -> bool:
        """Whether a blob of an entry belongs into the archive: it was neither purged nor removed since."""
        found = execute(self._db, _PURGED, (archive_id,)).fetchone()
        if found is None or found[0]:
            return False
        return execute(self._db, _REMOVED, (archive_id, path)).fetchone() is None

    def checksum_of(self, path: str, archive_id: str) -> str | None:
        """Return the checksum of what a blob holds, if it is the source of an entry or a report."""
        row = execute(self._db, _CHECKSUM, (archive_id, path, archive_id, path)).fetchone()
        return str(row[0]) if row else None

    def apply(self, unit: Callable[[Connection], object]) -> None:
        """Run ``unit`` in the transaction that fills the catalog."""
        unit(self._db)

    def newest_event(self) -> int:
        """Return the number of the newest event so far."""
        return last_number(self._db)


@contextmanager
def refilling(catalog: Catalog) -> Iterator[Refilling]:
    """Let the block fill a new, empty catalog, in one transaction; figures and index are right afterwards."""
    with catalog.read() as db:
        execute(db, "PRAGMA foreign_keys = OFF")
        try:
            execute(db, "BEGIN IMMEDIATE")
            triggers = execute(db, _TRIGGERS).fetchall()
            for name, _ in triggers:
                execute(db, f"DROP TRIGGER {name}")
            execute(db, _SEEN)
            yield Refilling(db)
            execute(db, _ENTRY_FIGURES)
            execute(db, _ARRIVAL_FIGURES)
            for row in _all_entries(db):
                _index(db, row)
            for _, sql in triggers:
                execute(db, sql)
            execute(db, "COMMIT")
            execute(db, "DROP TABLE seen")
        except BaseException:
            execute(db, "ROLLBACK")
            raise
        finally:
            execute(db, "PRAGMA foreign_keys = ON")


def reconcile(catalog: Catalog) -> Refilled:
    """Compare the rows with the history, and remove those that it does not have: it forgot them after they were copied."""
    with catalog.read() as db:
        faults = list(check(db))
        found = [each for each in faults if isinstance(each, RowFault)]
        for each in found:
            if each.difference is Difference.UNRECORDED:  # here nothing is bound: the key may be a text that was erased
                _of_key(db, f"DELETE FROM {each.table}", each.table, each.key)
        (entries,) = execute(db, "SELECT count(*) FROM archive_entries").fetchone()
        last, chained = execute(db, _LAST).fetchone() or (0, "")
    return Refilled(
        entries=entries,
        last=last,
        hash=chained,
        broken_at=next((each.event.sequence for each in faults if isinstance(each, ChainBreak)), None),
        newer=tuple((each.table, each.key) for each in found if each.difference is Difference.ALTERED),
        missing=sum(each.difference is Difference.MISSING for each in found),
    )


def bind_newer(tx: Connection, refilled: Refilled) -> int:
    """Let the next event bind the rows that are newer than the history; returns how many had to go.

    A row goes if it names another one that is not there, since its segment is not.
    """
    gone = 0
    while orphans := [row for row in execute(tx, "PRAGMA foreign_key_check").fetchall() if row[1] is not None]:
        for table, number, *_ in orphans:
            gone += execute(tx, f"DELETE FROM {table} WHERE rowid = ?", (number,)).rowcount
    for table, key in refilled.newer:
        first = exporting.TABLES[table].key[0]
        _of_key(tx, f"UPDATE {table} SET {first} = {first}", table, key)
    return gone


def _of_key(db: Connection, statement: str, table: str, key: str) -> None:
    """Run a statement for one row."""
    bound = exporting.TABLES[table]
    where = " AND ".join(f"{name} = ?" for name in bound.key)
    for values in exporting.keys_of(bound, key):
        execute(db, f"{statement} WHERE {where}", values)


def unpurged_paths(db: Connection) -> Iterator[str]:
    """Stream the blobs of the sources that are not purged."""
    return (str(path) for (path,) in execute(db, _UNPURGED))


def _numbered(db: Connection, first: int, last: int) -> Iterator[Any]:
    while first <= last and (page := execute(db, _EVENTS, (first, last)).fetchall()):
        yield from page
        first = page[-1][0] + 1


def _all_entries(db: Connection) -> Iterator[Any]:
    after = -(2**63)
    while page := rows(db, _ENTRIES, (after,)):
        yield from page
        after = page[-1][0]


def _index(db: Connection, row: Sequence[Any]) -> None:
    """Let an entry be found by its texts, as ``text_check`` expects them."""
    number, archive_id, path, error, warnings, first, count, serial, part = row
    serials, parts = [serial], [part]
    if count > 1:
        reports = rows(db, _REPORTS, (archive_id,))
        place = next((n for n, report in enumerate(reports) if report[0] == first), 0)
        shown = reports[place : place + count]
        serials, parts = [each[1] for each in shown], [each[2] for each in shown]
    search.index(
        db,
        number,
        name=search.name_of(text_to_path(path)),
        serial=" ".join(filter(None, serials)),
        part=" ".join(filter(None, parts)),
        error=search.joined((error, *json.loads(warnings or "[]"))),
    )
