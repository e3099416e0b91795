"""Arrivals: the ledger of every source that was seen in a watch folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import search as text_index
from pywats_archive.catalog import tables
from pywats_archive.catalog.column_types import path_to_text, text_to_path
from pywats_archive.catalog.driver import execute, rows, storable
from pywats_archive.catalog.rows import BadRow, Rows, names_in, sound_or_bad
from pywats_archive.catalog.tables import IS_OPEN
from pywats_archive.errors import CatalogError
from pywats_archive.models.arrival import Arrival, ArrivalState

_ROWS = Rows(tables.arrivals, key="arrival_id")
SELECT = f"SELECT arrival_id, {', '.join(_ROWS.names)} FROM arrivals "
_FROM_OPEN = f"FROM arrivals INDEXED BY idx_arrival_open WHERE {IS_OPEN}"
_NAMED = (
    "SELECT archive_id FROM entry_text CROSS JOIN archive_entries ON entry_no = entry_text.rowid "
    "WHERE entry_text MATCH ? AND ({}) ORDER BY entry_text.rowid DESC LIMIT 100"
)
_MOVED = (ArrivalState.DONE, ArrivalState.FAILED, ArrivalState.REFUSED)
"""The final states of sources that leave their folder."""


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
    return _one(db, f"WHERE archive_id = ? ORDER BY {IS_OPEN} DESC, arrival_id DESC LIMIT 1", archive_id)


def moved_to(db: Connection, archive_id: str) -> tuple[str, ...]:
    """Return the places to which the sources of an entry were moved."""
    found = rows(
        db, "SELECT DISTINCT moved_to FROM arrivals WHERE archive_id = ? AND moved_to IS NOT NULL", (archive_id,)
    )
    places = sound_or_bad(found, lambda row: text_to_path(row[0]), label="{0}")
    return tuple(place for place in places if not isinstance(place, BadRow))


def latest_moved_to(db: Connection, place: str) -> str | None:
    """Return the entry of the source that was last moved to a place."""
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
        f"AND (a.{IS_OPEN} AND a.moved_to IS NULL OR a.changed_at >= n.first_seen_at) "
        "ORDER BY a.arrival_id DESC LIMIT 1"
    )
    row = execute(db, text, (arrival_id, checksum)).fetchone()
    return _arrival(row) if row else None


def kept(db: Connection, converter_name: str, path: str, checksum: str) -> tuple[Arrival, ...]:
    """Return the latest finished arrivals whose source, with these bytes, stayed in its folder.

    Another converter's only if it is at this very ``path``: the folder was that converter's.
    """
    which = "WHERE kept_checksum = ? AND (converter_name = ? OR path = ?) AND state = 'done' AND moved_to IS NULL"
    return _all(db, f"{which} ORDER BY arrival_id DESC LIMIT 20", checksum, converter_name, path_to_text(path))


def last_departed(db: Connection, converter_name: str, *, limit: int) -> tuple[Arrival, ...]:
    """Return the latest finished arrivals of a converter whose source was moved, newest first."""
    moved = "moved_to IS NOT NULL AND archive_id IS NOT NULL ORDER BY arrival_id DESC LIMIT ?2"
    latest = f"SELECT * FROM (SELECT arrival_id FROM arrivals WHERE converter_name = ?1 AND state = {{}} AND {moved})"
    union = " UNION ALL ".join(latest.format(repr(state.value)) for state in _MOVED)
    return _all(db, f"WHERE arrival_id IN ({union}) ORDER BY arrival_id DESC LIMIT ?2", converter_name, limit)


def unfinished(db: Connection, converter_name: str | None = None) -> tuple[Arrival, ...]:
    """Return the unfinished arrivals, oldest first."""
    if converter_name is None:
        return _open(db, "ORDER BY arrival_id")
    return _open(db, "AND converter_name = ? ORDER BY arrival_id", converter_name)


def unfinished_before(db: Connection, arrival: Arrival) -> Arrival | None:
    """Return the latest earlier arrival of the same file, by path or inode, that is archived and unfinished."""
    which = (
        "AND converter_name = ? AND archive_id IS NOT NULL AND arrival_id < ? AND (path = ? OR inode = ?) "
        "ORDER BY arrival_id DESC LIMIT 1"
    )
    values = (arrival.converter_name, arrival.number, path_to_text(arrival.path), arrival.inode)
    return next(iter(_open(db, which, *values)), None)


def unfinished_outside(db: Connection, converter_name: str, folder: str) -> tuple[Arrival, ...]:
    """Return a converter's unfinished arrivals, oldest first, except those in ``folder``; '' is no folder."""
    which = "AND converter_name = ? AND substr(path, 1, ?) IS NOT ? ORDER BY arrival_id"
    prefix = path_to_text(os.path.join(folder, "")) if folder else None  # noqa: PTH118 (its separator is kept)
    return _open(db, which, converter_name, len(prefix or ""), prefix)


def unfinished_counts(db: Connection) -> dict[str, int]:
    """Count the archived, unfinished sources by converter."""
    counted = f"SELECT converter_name, count(*) {_FROM_OPEN} AND archive_id IS NOT NULL GROUP BY 1"
    return dict(execute(db, counted).fetchall())


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
    """Return the latest arrivals whose path, or file name, is ``text``; a hundred at most.

    By its name, an archived source is found in the full-text index; of those that are not archived all are read.
    """
    endings = [f"%{_escaped(separator + end)}" for end in _endings(text) for separator in ("/", "\\")]
    named, phrase = " OR ".join(["{0} LIKE ? ESCAPE '!'"] * len(endings)), text_index.name_expression(text)
    archived = f"archive_id IN ({_NAMED.format(named.format('source_path'))})" if phrase else "archive_id IS NOT NULL"
    at_path = named.format("path")
    places = f"path = ? OR archive_id IS NULL AND ({at_path}) OR {archived} AND ({at_path})"
    values = (path_to_text(text), *endings, *((phrase, *endings) if phrase else ()), *endings)
    return _all(db, f"WHERE {places} ORDER BY arrival_id DESC LIMIT 100", *values)


def _one(db: Connection, which: str, *values: Any) -> Arrival | None:
    return next(iter(_all(db, which, *values)), None)


def _all(db: Connection, which: str, *values: Any) -> tuple[Arrival, ...]:
    """Return the arrivals of a query, without invalid rows."""
    judged = judge(rows(db, f"{SELECT} {which}", values))
    return tuple(row for row in judged if not isinstance(row, BadRow))


def _open(db: Connection, which: str, *values: Any) -> tuple[Arrival, ...]:
    """Return the unfinished arrivals of a query, without invalid rows; the index has these alone."""
    judged = judge(rows(db, f"SELECT arrival_id, {', '.join(_ROWS.names)} {_FROM_OPEN} {which}", values))
    return tuple(row for row in judged if not isinstance(row, BadRow))


def judge(found: Iterable[Any]) -> Iterator[Arrival | BadRow]:
    """Stream the arrivals of rows of ``SELECT``; an invalid row is returned as such."""
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
