"""Arrivals: the ledger of everything that was seen in a watch folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pywats_archive.catalog import tables
from pywats_archive.catalog.columns import path_to_text
from pywats_archive.catalog.driver import Executor, Transaction
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.arrival import Arrival, ArrivalState

_ROWS = Rows(tables.arrivals, key="arrival_id")
_SELECT = f"SELECT arrival_id, {', '.join(_ROWS.names)} FROM arrivals "
_OPEN = tuple(state.value for state in ArrivalState if not state.is_final)
_OPEN_MARKS = ", ".join("?" * len(_OPEN))


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How many of a converter's arrivals of one UTC day are in one state."""

    converter_name: str
    day: date
    state: ArrivalState
    number: int


def add_many(tx: Transaction, new: Sequence[Arrival]) -> list[int]:
    """Add arrivals; gives their numbers."""
    return [_ROWS.insert(tx, _values(arrival)) for arrival in new]


def get(db: Executor, arrival_id: int) -> Arrival:
    """Give one arrival."""
    return _arrival(db.execute(f"{_SELECT} WHERE arrival_id = ?", (arrival_id,)).fetchone())


def find(db: Executor, arrival_id: int) -> Arrival | None:
    """Give one arrival, if there is such a one."""
    row = db.execute(f"{_SELECT} WHERE arrival_id = ?", (arrival_id,)).fetchone()
    return _arrival(row) if row else None


def of_entry(db: Executor, archive_id: str) -> Arrival | None:
    """Give the latest arrival of an entry."""
    newest = f"{_SELECT} WHERE archive_id = ? ORDER BY arrival_id DESC LIMIT 1"
    row = db.execute(newest, (archive_id,)).fetchone()
    return _arrival(row) if row else None


def latest_at_path(db: Executor, converter_name: str, path: str) -> Arrival | None:
    """Give the latest arrival of a converter at ``path``."""
    newest = f"{_SELECT} WHERE path = ? AND converter_name = ? ORDER BY arrival_id DESC LIMIT 1"
    row = db.execute(newest, (path_to_text(path), converter_name)).fetchone()
    return _arrival(row) if row else None


def unfinished(db: Executor, converter_name: str | None = None) -> tuple[Arrival, ...]:
    """Give the arrivals that have not come to their end, oldest first."""
    mine = "AND converter_name = ?" if converter_name else ""
    values = (*_OPEN, converter_name) if converter_name else _OPEN
    rows = db.execute(f"{_SELECT} WHERE state IN ({_OPEN_MARKS}) {mine} ORDER BY arrival_id", values)
    return tuple(map(_arrival, rows))


def in_state(db: Executor, converter_name: str, state: ArrivalState) -> tuple[Arrival, ...]:
    """Give a converter's arrivals in one state, oldest first."""
    mine = f"{_SELECT} WHERE converter_name = ? AND state = ? ORDER BY arrival_id"
    return tuple(map(_arrival, db.execute(mine, (converter_name, state.value))))


def change(tx: Transaction, arrival_id: int, *, state: ArrivalState, now: datetime, **changes: Any) -> None:
    """Bring an arrival to ``state``; further columns as they are given (size_bytes, archive_id, reason, retry_at, …)."""
    _ROWS.update(tx, "arrival_id", arrival_id, {"state": state.value, "changed_at": now, **changes})


def search(db: Executor, text: str) -> tuple[Arrival, ...]:
    """Give the latest arrivals whose path, or the name at its end, is ``text``; a hundred at most."""
    escaped = path_to_text(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = db.execute(
        f"{_SELECT} WHERE path = ? OR path LIKE ? ESCAPE '\\' OR path LIKE ? ESCAPE '\\' ORDER BY arrival_id DESC LIMIT 100",
        (path_to_text(text), f"%/{escaped}", f"%\\\\{escaped}"),
    )
    return tuple(map(_arrival, rows))


def counts(db: Executor) -> tuple[Count, ...]:
    """Count arrivals by converter, UTC day of the first sight, and state."""
    rows = db.execute(
        "SELECT converter_name, substr(first_seen_at, 1, 10), state, count(*) FROM arrivals GROUP BY 1, 2, 3"
    )
    return tuple(
        Count(converter_name=name, day=date.fromisoformat(day), state=ArrivalState(state), number=number)
        for name, day, state, number in rows
    )


_CONTRADICTIONS = {
    "{0} is said to be archived, and no entry is named": (
        "SELECT path FROM arrivals WHERE archive_id IS NULL AND state NOT IN ('seen', 'vanished', 'refused')"
    ),
    "entry {0} came from no arrival": (
        "SELECT archive_id FROM archive_entries e WHERE NOT EXISTS (SELECT 1 FROM arrivals a WHERE a.archive_id = e.archive_id)"
    ),
    "{0} is done, and a report of it still waits for the server": (
        "SELECT path FROM arrivals a WHERE state = 'done' AND EXISTS "
        "(SELECT 1 FROM reports r WHERE r.archive_id = a.archive_id AND submission_state = 'WAITING')"
    ),
}


def disagreements(db: Executor) -> tuple[str, ...]:
    """Say where arrivals, entries and reports contradict each other; a hundred of each kind at most."""
    return tuple(
        told.format(value) for told, query in _CONTRADICTIONS.items() for (value,) in db.execute(f"{query} LIMIT 100")
    )


def _values(arrival: Arrival) -> dict[str, Any]:
    values = {name: getattr(arrival, name) for name in arrival.__slots__}
    del values["arrival_id"]
    return values | {"state": arrival.state.value}


def _arrival(row: Any) -> Arrival:
    values = _ROWS.decode(row[1:])
    return Arrival(arrival_id=row[0], **values | {"state": ArrivalState(values["state"])})
