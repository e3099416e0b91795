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
from pywats_archive.catalog.binding.bound import BoundTable
from pywats_archive.catalog.binding.newest import Different, Newest
from pywats_archive.catalog.driver import execute, rows
from pywats_archive.catalog.erased_events import Erasures, Naming


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
        newest, extent, erased = Newest(memory), _Extent(), events.erasures(db)
        yield from _chain(db, newest, extent, erased)
        for different in newest.differences(db):
            yield _fault(db, different)
        found = tuple((number, naming, count) for number, (naming, count) in sorted(erased.found.items()))
        yield History(events=extent.events, bound_from=extent.bound_from, erasures=found)


@contextmanager
def one_moment(db: Connection) -> Iterator[None]:
    """Let the block read the catalog as of one moment."""
    execute(db, "BEGIN")
    try:
        yield
    finally:
        execute(db, "ROLLBACK")


@dataclass(slots=True)
class _Extent:
    events: int = 0
    bound_from: int | None = None


def _chain(db: Connection, newest: Newest, extent: _Extent, erased: Erasures) -> Iterator[ChainBreak]:
    is_broken = False
    for row, is_whole in events.walked_beyond(db, erased):
        extent.events += 1
        is_sound = is_whole
        if row[6] is not None:
            extent.bound_from = extent.bound_from or row[0]
            try:
                newest.add(row[0], row[6])
            except (ValueError, TypeError, KeyError, AttributeError):  # of another program, with a hash that fits
                is_sound = False
        if not is_sound and not is_broken:
            is_broken = True
            yield ChainBreak(event=_named(row))
    newest.write()


def _fault(db: Connection, different: Different) -> RowFault:
    table, key, event = different.table, different.key, different.event
    difference = (
        Difference.MISSING
        if different.found is None
        else Difference.UNRECORDED
        if different.bound is None
        else Difference.ALTERED
    )
    return RowFault(
        difference=difference,
        table=table.name,
        key=str(key),
        archive_id=_archive_id(db, table, key),
        event=_event(db, event) if event is not None else None,
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
