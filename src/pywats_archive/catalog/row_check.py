"""Compares every row with the event of its last change, and follows the chain of events on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import events
from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.catalog.binding.scanning import scanned
from pywats_archive.catalog.driver import execute, rows
from pywats_archive.catalog.erased_events import Erasures, Naming

_AT_ONCE = 5000
_MOST = 2**63
"""No key is as great: SQLite's integers have 64 bits."""
_PLACES = {table.name: (number, table.has_number) for number, table in enumerate(BOUND)}
"""By table, its number and whether its keys are integers."""
_CACHE = "PRAGMA cache_size = -32000"
"""In kB; the rest of the table below is in a temporary file, which SQLite removes."""
_TABLE = (
    "CREATE TABLE row (tab INTEGER, key, digest TEXT, event INTEGER, found TEXT, PRIMARY KEY (tab, key)) WITHOUT ROWID"
)
_BIND = (
    "INSERT INTO row (tab, key, digest, event) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET digest = excluded.digest, event = excluded.event"
)
_FIND = "INSERT INTO row (tab, key, found) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET found = excluded.found"
_DIFFERENT = "SELECT tab, key, digest, event, found FROM row WHERE digest IS NOT found ORDER BY tab, key"


class Difference(str, Enum):
    """The kinds of difference between a row and its event."""

    ALTERED = "altered"
    UNRECORDED = "unrecorded"
    """There is a row, but no event has it, or its event says that it was removed."""
    MISSING = "missing"
    """There is an event, but no row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """An event by what its row says, which another program may have altered."""

    sequence: int
    kind: str
    at: str
    archive_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFault:
    """A row that is not what the event of its last change says."""

    difference: Difference
    table: str
    key: str
    archive_id: str | None
    event: Named | None
    """The event of its last change; None if no event has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainBreak:
    """The first event that breaks the chain."""

    event: Named


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The extent of the chain of events."""

    events: int
    bound_from: int | None
    """The number of the first event that binds rows; None if none does."""
    erasures: tuple[tuple[int, Naming, int], ...] = ()
    """The events that name erased ones: number, the event, and how many erased events it names rightly."""

    @property
    def erased(self) -> int:
        """How many events have erased details, and are proved by a later event."""
        return sum(count for _, _, count in self.erasures)


def check(db: Connection) -> Iterator[ChainBreak | RowFault | History]:
    """Check the chain and all rows as of one moment; the history's extent comes last. Memory is bounded.

    An event behind a break binds its rows too: which rows differ from it is what a person needs to know then.
    """
    with one_moment(db), closing(sqlite3.connect("", isolation_level=None)) as memory:
        for prepare in (_CACHE, "PRAGMA journal_mode = OFF", _TABLE, "BEGIN"):
            memory.execute(prepare)
        bindings = _Bindings(memory)
        erased = events.erasures(db)
        yield from _chain(db, bindings, erased)
        for number, table in enumerate(BOUND):
            _compute(db, memory, number, table)
        for row in memory.execute(_DIFFERENT):
            yield _fault(db, *row)
        found = tuple((number, naming, count) for number, (naming, count) in sorted(erased.found.items()))
        yield History(events=bindings.events, bound_from=bindings.first, erasures=found)


@contextmanager
def one_moment(db: Connection) -> Iterator[None]:
    """Let the block read the catalog as of one moment."""
    execute(db, "BEGIN")
    try:
        yield
    finally:
        execute(db, "ROLLBACK")


class _Bindings:
    """The newest digest of each row, in a database of its own."""

    def __init__(self, memory: sqlite3.Connection) -> None:
        self._memory = memory
        self._waiting: list[tuple[int, int | str, str | None, int]] = []
        self.events = 0
        self.first: int | None = None

    def add(self, sequence: int, bound_rows: str) -> None:
        """Add what an event binds; ValueError, TypeError, KeyError or AttributeError if it is not what events hold."""
        self.first = self.first or sequence
        import orjson  # noqa: PLC0415 (only checks need it)

        for name, members in orjson.loads(bound_rows).items():
            number, has_number = _PLACES[name]
            for key, digest in members.items():
                if not (digest is None or isinstance(digest, str)):
                    raise TypeError
                self._waiting.append((number, _number(key) if has_number else key, digest, sequence))
        if len(self._waiting) >= _AT_ONCE:
            self.write()

    def write(self) -> None:
        self._memory.executemany(_BIND, self._waiting)
        self._waiting.clear()


def _number(key: str) -> int:
    number = int(key)
    if str(number) != key or abs(number) >= _MOST:
        raise ValueError
    return number


def _chain(db: Connection, bindings: _Bindings, erased: Erasures) -> Iterator[ChainBreak]:
    is_broken = False
    for row, is_whole in events.walked_beyond(db, erased):
        bindings.events += 1
        is_sound = is_whole
        if row[6] is not None:
            try:
                bindings.add(row[0], row[6])
            except (ValueError, TypeError, KeyError, AttributeError):  # of another program, with a hash that fits
                is_sound = False
        if not is_sound and not is_broken:
            is_broken = True
            yield ChainBreak(event=_named(row))
    bindings.write()


def _compute(db: Connection, memory: sqlite3.Connection, number: int, table: BoundTable) -> None:
    """Add the digests of the rows themselves."""
    digest = RowDigest(table)
    has_number = table.has_number
    found = ((number, key[0] if has_number else table.key_text(key), digest(row)) for key, row in scanned(db, table))
    memory.executemany(_FIND, found)


def _fault(
    db: Connection, number: int, key: int | str, digest: str | None, sequence: int | None, found: str | None
) -> RowFault:
    difference = (
        Difference.MISSING if found is None else Difference.UNRECORDED if digest is None else Difference.ALTERED
    )
    table = BOUND[number]
    return RowFault(
        difference=difference,
        table=table.name,
        key=str(key),
        archive_id=_archive_id(db, table, key),
        event=_event(db, sequence) if sequence is not None else None,
    )


def _event(db: Connection, sequence: int) -> Named:
    (row,) = rows(db, "SELECT sequence, kind, at, archive_id FROM events WHERE sequence = ?", (sequence,))
    return _named(row)


def _named(row: Any) -> Named:
    sequence, kind, at, archive_id = row[:4]
    return Named(sequence=sequence, kind=str(kind), at=str(at), archive_id=archive_id and str(archive_id))


def _archive_id(db: Connection, table: BoundTable, key: int | str) -> str | None:
    """Return the entry that a row is about, if the row says so."""
    if not table.has_number or "archive_id" not in table.columns:
        return None
    row = execute(db, f"SELECT archive_id FROM {table.name} WHERE {table.key[0]} = ?", (key,)).fetchone()
    return row[0] if row and isinstance(row[0], str) else None
