"""The newest digest of each row in the history, in a temporary database, and its comparison with the rows themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from pywats_archive.catalog.binding.confirming import Confirming
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.catalog.binding.scanning import BEFORE_ALL, scanned

_AT_ONCE = 10_000
_MOST = 2**63
"""No key is as great: SQLite's integers have 64 bits."""
_CACHE = "PRAGMA cache_size = -32000"
"""In kB; the rest of the tables is in a temporary file, which SQLite removes."""
_PLACES = {table.name: number for number, table in enumerate(BOUND)}


@dataclass(frozen=True, slots=True)
class Different:
    """A row whose digest is not that of the event of its last change; None stands for no row."""

    table: BoundTable
    key: int | str
    bound: str | None
    event: int | None
    """The number of the event; None if no event has the row."""
    found: str | None


class Newest:
    """The newest digest of each row, and the number of the event that has it; memory is bounded."""

    def __init__(self, memory: sqlite3.Connection) -> None:
        """Prepare a new temporary database, which must be in autocommit mode."""
        import orjson  # noqa: PLC0415 (only checks need it)

        self._loads = orjson.loads
        self._memory = memory
        self._waiting: list[list[tuple[int | str, str | None, int]]] = [[] for _ in BOUND]
        self._rows_waiting = 0
        for prepare in (_CACHE, "PRAGMA journal_mode = OFF", "BEGIN", *map(_table, range(len(BOUND)))):
            memory.execute(prepare)

    def add(self, sequence: int, bound_rows: str) -> None:
        """Add what an event binds; ValueError, TypeError, KeyError or AttributeError if it is not what events hold."""
        for name, members in self._loads(bound_rows).items():
            number = _PLACES[name]
            waiting, has_number = self._waiting[number], BOUND[number].has_number
            for key, digest in members.items():
                if not (digest is None or isinstance(digest, str)):
                    raise TypeError
                waiting.append((_number(key) if has_number else key, digest, sequence))
            self._rows_waiting += len(members)
        if self._rows_waiting >= _AT_ONCE:
            self.write()

    def write(self) -> None:
        """Write what was added."""
        for number, waiting in enumerate(self._waiting):
            self._memory.executemany(f"REPLACE INTO row{number} (key, digest, event) VALUES (?, ?, ?)", waiting)
            waiting.clear()
        self._rows_waiting = 0

    def differences(self, db: Connection) -> Iterator[Different]:
        """Compare the rows of the catalog with what was written, in the order of tables and keys."""
        for number, table in enumerate(BOUND):
            yield from (self._of_numbers if table.has_number else self._of_texts)(db, number, table)

    def _of_numbers(self, db: Connection, number: int, table: BoundTable) -> Iterator[Different]:
        """Compare page by page, since both sides are in the order of their keys."""
        confirming = Confirming(db, table)
        following = f"SELECT key, digest, event FROM row{number} WHERE key > ?"
        after: Any = BEFORE_ALL
        for page in confirming.pages():
            upto = page[-1][0]
            bound = {row[0]: row for row in self._memory.execute(f"{following} AND key <= ?", (after, upto))}
            different: list[Different] = []
            for key, likely in page:
                _, expected, event = bound.pop(key, _IN_NO_EVENT)
                if (likely is None or likely != expected) and (found := confirming.exact(key)) != expected:
                    different.append(Different(table, key, expected, event, found))
            different += (_missing(table, row) for row in bound.values() if row[1] is not None)
            yield from sorted(different, key=_by_number)
            after = upto
        for row in self._memory.execute(f"{following} AND digest NOT NULL ORDER BY key", (after,)):
            yield _missing(table, row)

    def _of_texts(self, db: Connection, number: int, table: BoundTable) -> Iterator[Different]:
        """Write the digests of the rows beside the others: keys of several columns are in another order than their texts."""
        digest = RowDigest(table)
        find = f"INSERT INTO row{number} (key, found) VALUES (?, ?) ON CONFLICT DO UPDATE SET found = excluded.found"
        self._memory.executemany(find, ((table.key_text(key), digest(row)) for key, row in scanned(db, table)))
        different = f"SELECT key, digest, event, found FROM row{number} WHERE digest IS NOT found ORDER BY key"
        for key, expected, event, found in self._memory.execute(different):
            yield Different(table, key, expected, event, found)


_IN_NO_EVENT = (None, None, None)


def _table(number: int) -> str:
    if BOUND[number].has_number:
        return f"CREATE TABLE row{number} (key INTEGER PRIMARY KEY, digest TEXT, event INTEGER)"
    return f"CREATE TABLE row{number} (key TEXT PRIMARY KEY, digest TEXT, event INTEGER, found TEXT) WITHOUT ROWID"


def _number(key: str) -> int:
    number = int(key)
    if str(number) != key or abs(number) >= _MOST:
        raise ValueError
    return number


def _missing(table: BoundTable, row: tuple[int, str, int]) -> Different:
    key, digest, event = row
    return Different(table, key, digest, event, None)


def _by_number(different: Different) -> tuple[bool, int]:
    """Sort by number; keys of other types, which a view of another program can have, come last, as SQLite orders them."""
    return (False, different.key) if isinstance(different.key, int) else (True, 0)
