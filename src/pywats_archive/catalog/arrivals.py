"""Arrivals: the ledger of every source that was seen in a watch folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import tables
from pywats_archive.catalog.column_types import path_to_text, text_to_path
from pywats_archive.catalog.driver import execute, rows, storable
from pywats_archive.catalog.rows import BadRow, Rows, names_in, sound_or_bad
from pywats_archive.errors import CatalogError
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


def add(tx: Connection, arrival: Arrival) -> int:
    """Add an arrival; returns its number."""
    return _ROWS.insert(tx, _values(arrival))


def add_many(tx: Connection, new: Sequence[Arrival]) -> list[int]:
    """Add arrivals; returns their numbers."""
    return [add(tx, arrival) for arrival in new]


def get(db: Connection, arrival_id: int) -> Arrival:
    """Return one arrival; CatalogError if there is none."""
    if arrival := find(db, arrival_id):
        return arrival
    raise CatalogError(f"the ledger has no arrival {arrival_id}: verify the archive")


def find(db: Connection, arrival_id: int) -> Arrival | None:
    """Return one arrival, if it exists."""
    return _one(db, "WHERE arrival_id = ?", arrival_id)


def of_entry(db: Connection, archive_id: str) -> Arrival | None:
    """Return the arrival of an entry: the latest unfinished one, or else the latest."""
    newest = f"WHERE archive_id = ? ORDER BY state IN ({_OPEN_MARKS}) DESC, arrival_id DESC LIMIT 1"
    return _one(db, newest, archive_id, *_OPEN)


def moved_to(db: Connection, archive_id: str) -> tuple[str, ...]:
    """Return the places to which the sources of an entry were moved."""
    found = rows(
        db, "SELECT DISTINCT moved_to FROM arrivals WHERE archive_id = ? AND moved_to IS NOT NULL", (archive_id,)
    )
    places = sound_or_bad(found, lambda row: text_to_path(row[0]), label="{0}")
    return tuple(place for place in places if not isinstance(place, BadRow))


def latest_moved_to(db: Connection, place: str) -> str | None:
    """Return the entry of the source that was last moved to a place; reads all arrivals."""
    newest = "SELECT archive_id FROM arrivals WHERE moved_to = ? ORDER BY arrival_id DESC LIMIT 1"
    row = execute(db, newest, (path_to_text(place),)).fetchone()
    return row[0] if row else None


def latest_at_path(db: Connection, converter_name: str, path: str) -> Arrival | None:
    """Return the latest arrival of a converter at ``path``."""
    newest = "WHERE path = ? AND converter_name = ? ORDER BY arrival_id DESC LIMIT 1"
    return _one(db, newest, path_to_text(path), converter_name)


def of_path(db: Connection, converter_name: str, path: str) -> tuple[Arrival, ...]:
    """Return the latest arrivals of a converter at ``path``, newest first; twenty at most."""
    newest = "WHERE path = ? AND converter_name = ? ORDER BY arrival_id DESC LIMIT 20"
    return _all(db, newest, path_to_text(path), converter_name)


def same_at_path(db: Connection, arrival_id: int, checksum: str) -> Arrival | None:
    """Return the arrival whose archived bytes were at another arrival's path when that was first seen, if there is one.

    It is unfinished, or was finished since.
    """
    text = (
        f"SELECT a.arrival_id, {', '.join(f'a.{name}' for name in _ROWS.names)} FROM arrivals n "
        "JOIN arrivals a ON a.path = n.path AND a.converter_name = n.converter_name AND a.arrival_id <> n.arrival_id "
        "JOIN archive_entries e ON e.archive_id = a.archive_id "
        "WHERE n.arrival_id = ? AND e.source_checksum = ? "
        f"AND (a.state IN ({_OPEN_MARKS}) AND a.moved_to IS NULL OR a.changed_at >= n.first_seen_at) "
        "ORDER BY a.arrival_id DESC LIMIT 1"
    )
    row = execute(db, text, (arrival_id, checksum, *_OPEN)).fetchone()
    return _arrival(row) if row else None


def kept(db: Connection, converter_name: str, path: str, checksum: str) -> tuple[Arrival, ...]:
    """Return the latest finished arrivals whose source, with these bytes, stayed in its folder.

    Another converter's only if it is at this very ``path``: the folder was that converter's.
    """
    which = "WHERE kept_checksum = ? AND (converter_name = ? OR path = ?) AND state = 'done' AND moved_to IS NULL"
    return _all(db, f"{which} ORDER BY arrival_id DESC LIMIT 20", checksum, converter_name, path_to_text(path))


def last_departed(db: Connection, converter_name: str, *, limit: int) -> tuple[Arrival, ...]:
    """Return the latest finished arrivals of a converter whose source was moved, newest first."""
    ended = "state IN ('done', 'failed', 'refused') AND moved_to IS NOT NULL AND archive_id IS NOT NULL"
    return _all(db, f"WHERE converter_name = ? AND {ended} ORDER BY arrival_id DESC LIMIT ?", converter_name, limit)


def unfinished(db: Connection, converter_name: str | None = None) -> tuple[Arrival, ...]:
    """Return the unfinished arrivals, oldest first."""
    where = f"WHERE state IN ({_OPEN_MARKS})"
    if converter_name is None:
        return _all(db, f"{where} ORDER BY arrival_id", *_OPEN)
    return _all(db, f"{where} AND converter_name = ? ORDER BY arrival_id", *_OPEN, converter_name)


def unfinished_before(db: Connection, arrival: Arrival) -> Arrival | None:
    """Return the latest earlier arrival of the same file, by path or inode, that is archived and unfinished."""
    where = (
        f"WHERE state IN ({_OPEN_MARKS}) AND converter_name = ? AND archive_id IS NOT NULL AND arrival_id < ? "
        "AND (path = ? OR inode = ?) ORDER BY arrival_id DESC LIMIT 1"
    )
    return _one(db, where, *_OPEN, arrival.converter_name, arrival.number, path_to_text(arrival.path), arrival.inode)


def unfinished_outside(db: Connection, converter_name: str, folder: str) -> tuple[Arrival, ...]:
    """Return a converter's unfinished arrivals, oldest first, except those in ``folder``; '' is no folder."""
    where = f"WHERE state IN ({_OPEN_MARKS}) AND converter_name = ? AND substr(path, 1, ?) IS NOT ? ORDER BY arrival_id"
    prefix = path_to_text(os.path.join(folder, "")) if folder else None  # noqa: PTH118 (its separator is kept)
    return _all(db, where, *_OPEN, converter_name, len(prefix or ""), prefix)


def unfinished_counts(db: Connection) -> dict[str, int]:
    """Count the archived, unfinished sources by converter."""
    which = f"archive_id IS NOT NULL AND state IN ({_OPEN_MARKS})"
    return dict(
        execute(db, f"SELECT converter_name, count(*) FROM arrivals WHERE {which} GROUP BY 1", _OPEN).fetchall()
    )


def converter_names(db: Connection) -> tuple[str, ...]:
    """Return the names of all converters that have arrivals, in order."""
    return names_in(db, tables.arrivals)


def in_state(db: Connection, converter_name: str, state: ArrivalState) -> tuple[Arrival, ...]:
    """Return a converter's arrivals in one state, oldest first."""
    return _all(db, "WHERE converter_name = ? AND state = ? ORDER BY arrival_id", converter_name, state.value)


def change(tx: Connection, arrival_id: int, *, state: ArrivalState, now: datetime, **changes: Any) -> bool:
    """Change an arrival's ``state`` and further columns (archive_id, reason, retry_at, …).

    Returns whether there is such an arrival.
    """
    return _ROWS.update(tx, "arrival_id", arrival_id, {"state": state.value, "changed_at": now, **changes}) > 0


def set_place(tx: Connection, arrival_id: int, **place: Any) -> None:
    """Set where an arrival's source is, and its stamp (path, size_bytes, mtime_ns, inode, ctime_ns); the state stays."""
    _ROWS.update(tx, "arrival_id", arrival_id, place)


def forget(tx: Connection, arrival_id: int) -> None:
    """Remove an arrival in state SEEN whose source belongs to another arrival."""
    execute(tx, "DELETE FROM arrivals WHERE arrival_id = ? AND state = 'seen'", (arrival_id,))


def forget_seen(tx: Connection, arrival_id: int, *, size_bytes: int, mtime_ns: int) -> None:
    """Remove arrivals in state SEEN with this size and time at the path of an arrival: they are its source."""
    execute(
        tx,
        "DELETE FROM arrivals WHERE state = 'seen' AND size_bytes = ? AND mtime_ns = ? AND arrival_id <> ? "
        "AND (path, converter_name) = (SELECT path, converter_name FROM arrivals WHERE arrival_id = ?)",
        (size_bytes, mtime_ns, arrival_id, arrival_id),
    )


def at_path(db: Connection, path: str) -> tuple[Arrival, ...]:
    """Return the latest arrivals that came to this path, or are there now; a hundred at most."""
    written = path_to_text(path)
    return _all(db, "WHERE path = ? OR moved_to = ? ORDER BY arrival_id DESC LIMIT 100", written, written)


def search(db: Connection, text: str) -> tuple[Arrival, ...]:
    """Return the latest arrivals whose path, or file name, is ``text``; a hundred at most."""
    endings = [f"%{_escaped(separator + end)}" for end in _endings(text) for separator in ("/", "\\")]
    named = " OR ".join(["path = ?", *["path LIKE ? ESCAPE '!'"] * len(endings)])
    return _all(db, f"WHERE {named} ORDER BY arrival_id DESC LIMIT 100", path_to_text(text), *endings)


def counts(db: Connection) -> tuple[Count, ...]:
    """Count arrivals by converter, UTC day of the first sighting, and state."""
    by_day = "SELECT converter_name, substr(first_seen_at, 1, 10), state, count(*) FROM arrivals GROUP BY 1, 2, 3"
    judged = sound_or_bad(rows(db, by_day), _count, label="{0}")
    return tuple(count for count in judged if not isinstance(count, BadRow))


def _count(row: Any) -> Count:
    name, day, state, number = row
    return Count(converter_name=name, day=date.fromisoformat(day), state=ArrivalState(state), number=number)


_CONTRADICTIONS = {
    "{0} is said to be archived, and no entry is named": (
        "SELECT path FROM arrivals WHERE archive_id IS NULL AND state NOT IN ('seen', 'vanished', 'refused') "
        "AND NOT (state = 'skipped' AND moved_to IS NOT NULL)"  # passed to another converter when it was only seen
    ),
    "entry {0} came from no arrival": (
        "SELECT archive_id FROM archive_entries e WHERE NOT EXISTS "
        "(SELECT 1 FROM arrivals a WHERE a.archive_id = e.archive_id) "
        "AND EXISTS (SELECT 1 FROM arrivals a WHERE a.converter_name = e.converter_name) "  # others were not dropped
        "AND NOT EXISTS (SELECT 1 FROM events v WHERE v.archive_id = e.archive_id AND v.kind = 'source.archived' "
        "AND CASE WHEN json_valid(v.details) THEN json_extract(v.details, '$.origin') END = 'imported') "
        "AND e.rebuilt_at IS NULL AND e.created_at > "  # of an entry from its blobs, the ledger was lost
        "coalesce((SELECT at FROM events WHERE sequence = 1 AND kind = 'catalog.rebuilt'), '')"  # the ledger began then
    ),
    "{0} is done, and a report of it still waits for the server": (
        "SELECT path FROM arrivals WHERE state = 'done' AND archive_id IN "
        "(SELECT r.archive_id FROM reports r LEFT JOIN conversions c ON c.conversion_id = r.conversion_id "
        "WHERE submission_state = 'WAITING' AND c.run_id IS NULL)"  # a replay comes after
    ),
}
_READ_ALL = frozenset({"entry {0} came from no arrival"})  # they read every entry


def disagreements(db: Connection, *, is_quick: bool = False) -> tuple[str, ...]:
    """Return the contradictions between arrivals, entries and reports; a hundred of each kind at most.

    ``is_quick`` leaves out what takes longer in a larger archive.
    """
    asked = {fault: query for fault, query in _CONTRADICTIONS.items() if not (is_quick and fault in _READ_ALL)}
    faults = tuple(fault.format(value) for fault, query in asked.items() for (value,) in rows(db, f"{query} LIMIT 100"))
    return faults if is_quick else faults + tuple(bad.fault for bad in bad_open(db)[:100])


def bad_open(db: Connection) -> tuple[BadRow, ...]:
    """Return the invalid arrivals that are not known to be finished."""
    final = [state.value for state in ArrivalState if state.is_final]
    judged = _judged(rows(db, f"{_SELECT} WHERE state NOT IN ({', '.join('?' * len(final))})", final))
    return tuple(row for row in judged if isinstance(row, BadRow))


def bad_rows(db: Connection, after: int, limit: int) -> tuple[int | None, tuple[BadRow, ...]]:
    """Read the next arrivals after this number; returns the last number, if any, and the invalid rows."""
    found = rows(db, f"{_SELECT} WHERE arrival_id > ? ORDER BY arrival_id LIMIT ?", (after, limit))
    bad = tuple(row for row in _judged(found) if isinstance(row, BadRow))
    return (found[-1][0] if found else None), bad


def _one(db: Connection, which: str, *values: Any) -> Arrival | None:
    return next(iter(_all(db, which, *values)), None)


def _all(db: Connection, which: str, *values: Any) -> tuple[Arrival, ...]:
    """Return the arrivals of a query, without invalid rows."""
    judged = _judged(rows(db, f"{_SELECT} {which}", values))
    return tuple(row for row in judged if not isinstance(row, BadRow))


def _judged(found: Iterable[Any]) -> Iterator[Arrival | BadRow]:
    return sound_or_bad(found, _arrival, label="arrival {0}")


def _endings(name: str) -> tuple[str, ...]:
    """Return how a stored path of this name ends: in the name itself, or in its JSON if the path is not proper text."""
    inside_json = json.dumps(name)[1:]
    return (name, inside_json) if storable(name) == name else (inside_json,)


def _escaped(text: str) -> str:
    return re.sub("[!%_]", r"!\g<0>", text)


def _values(arrival: Arrival) -> dict[str, Any]:
    values = {name: getattr(arrival, name) for name in arrival.__slots__}
    del values["arrival_id"]
    return values | {"state": arrival.state.value}


def _arrival(row: Any) -> Arrival:
    values = _ROWS.decode(row[1:])
    return Arrival(arrival_id=row[0], **values | {"state": ArrivalState(values["state"])})
