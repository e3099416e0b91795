"""Notes which rows a transaction changes: by triggers of the writing connection, so that no statement is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, cast

from sqlalchemy import Connection

from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.catalog.driver import execute, rows

AT_ONCE = 1000
"""The greatest number of rows that one event binds."""
_INFO = "noted rows"
_DIGESTS = tuple(map(RowDigest, BOUND))
_FUNCTION = "note_row"


class Noted:
    """The rows that were changed since the last event of the transaction."""

    def __init__(self, db: Connection) -> None:
        """Install the triggers, which are temporary and seen by this connection alone."""
        self._db = db
        self._rows: dict[tuple[Any, ...], None] = {}
        """Keys, each behind the number of its table, in the order of the changes."""
        self._driver = cast(sqlite3.Connection, db.connection.driver_connection)
        self._driver.create_function(_FUNCTION, -1, self._note)
        execute(db, "PRAGMA recursive_triggers = ON")  # for the rows that REPLACE removes (sqlite.org/lang_conflict)
        for number, table in enumerate(BOUND):
            for trigger in _triggers(number, table):
                execute(db, trigger)
        db.info[_INFO] = self

    def _note(self, *row: Any) -> None:
        self._rows[row] = None

    @property
    def any(self) -> bool:
        """Whether a row was changed."""
        return bool(self._rows)

    @property
    def are_many(self) -> bool:
        """Whether one event cannot bind all."""
        return len(self._rows) > AT_ONCE

    def mark(self) -> tuple[tuple[Any, ...], ...]:
        """Return the noted rows, for ``back_to`` after a savepoint was rolled back."""
        return tuple(self._rows)

    def back_to(self, mark: tuple[tuple[Any, ...], ...]) -> None:
        """Note the rows of a savepoint again: an event after it may have bound them, and is rolled back."""
        self._rows = dict.fromkeys(mark)

    def forget(self, is_erased: Callable[[str, tuple[Any, ...]], bool]) -> None:
        """Bind no row whose table and key say that they must be erased; for rows that are removed."""
        self._rows = {row: None for row in self._rows if not is_erased(BOUND[row[0]].name, row[1:])}

    def clear(self) -> None:
        """Forget what was noted, since the transaction was rolled back."""
        self._rows.clear()

    def take(self) -> str | None:
        """Return the digests of the noted rows, a thousand at most, as JSON; they are no longer noted.

        An object of tables, each an object of keys with the row's digest, null for a row that is gone.
        """
        if not self._rows:
            return None
        if self.are_many:
            taken = dict.fromkeys(islice(self._rows, AT_ONCE))
            self._rows = {row: None for row in self._rows if row not in taken}
        else:
            taken, self._rows = self._rows, {}
        by_table: dict[int, list[str]] = {}
        for number, *key in taken:
            by_table.setdefault(number, []).append(f"{BOUND[number].key_json(key)}:{self._digest(number, key)}")
        return as_json({BOUND[number].name: members for number, members in by_table.items()})

    def _digest(self, number: int, key: list[Any]) -> str:
        select = BOUND[number].select
        try:
            row = self._driver.execute(select, key).fetchone()
        except sqlite3.OperationalError:  # text that is not UTF-8
            row = next(iter(rows(self._db, select, key)), None)
        return f'"{_DIGESTS[number](row)}"' if row else "null"


def as_json(by_table: dict[str, list[str]]) -> str:
    """Join the members of each table to the JSON that an event holds."""
    return "{" + ",".join(f'"{name}":{{{",".join(members)}}}' for name, members in by_table.items()) + "}"


def noted(db: Connection) -> Noted | None:
    """Return the rows that the triggers of a connection noted; None if it has no such triggers."""
    return cast("Noted | None", db.info.get(_INFO))


def _triggers(number: int, table: BoundTable) -> Iterator[str]:
    new, old = (
        f"SELECT {_FUNCTION}({number}, {', '.join(f'{row}.{name}' for name in table.key)});" for row in ("NEW", "OLD")
    )
    is_renamed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in table.key)
    for name, event, when, act in (
        ("added", "INSERT", "", new),
        ("changed", "UPDATE", "", new),
        ("renamed", "UPDATE", f"WHEN {is_renamed} ", old),
        ("removed", "DELETE", "", old),
    ):
        yield f"CREATE TEMP TRIGGER note_{table.name}_{name} AFTER {event} ON main.{table.name} {when}BEGIN {act} END"
