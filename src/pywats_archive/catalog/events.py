"""Events: the append-only history, each event chained to the one before by its hash (invariant 8)."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from itertools import chain
from json.encoder import encode_basestring_ascii
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.binding.noting import noted
from pywats_archive.catalog.column_types import canonical_json, moment_to_text
from pywats_archive.catalog.driver import execute, storable
from pywats_archive.catalog.driver import rows as rows_of
from pywats_archive.catalog.erased_events import OF_ENTRY, Erasures
from pywats_archive.catalog.erased_events import QUERY as NAMING
from pywats_archive.catalog.tables import IS_RARE, ROWS
from pywats_archive.models.event import SOURCE_IMPORTED, Event
from pywats_archive.models.time import Clock
from pywats_archive.redaction import redacted_json

FIRST_HASH = "0" * 64
ERASED = OF_ENTRY
"""The kind of the event that records the erasure of an entry."""
_PAGE, _LEAST = 1000, -(2**63)
_COLUMNS = "sequence, kind, at, archive_id, actor, details, bound_rows, previous_hash, hash"
SELECT = f"SELECT {_COLUMNS} FROM events"
_HAS_BOUND_ROWS = "SELECT 1 FROM pragma_table_info('events') WHERE name = 'bound_rows'"
_LAST = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def append(tx: Connection, event: Event) -> Event:
    r"""Append an event in the transaction of its fact; returns it with its place in the chain.

    It binds the rows that the transaction changed since its last event: ``bound_rows`` holds their digests. ``hash`` is the
    SHA-256 (hex) of the ASCII text ``previous_hash + "\n" + json``, where ``json`` is the JSON array
    ``[sequence, kind, at, archive_id, actor, details, bound_rows]``: every column as it is stored (the last two are JSON
    already), no spaces, other characters than ASCII as ``\uXXXX``, keys of details sorted; without the last one if that is
    NULL. The first previous hash is 64 zeros.
    """
    rows = noted(tx)
    while rows and rows.are_many:
        append_bound(tx, Event(kind=ROWS, at=event.at), rows.take())
    return append_bound(tx, event, rows.take() if rows else None)


def bind_rest(tx: Connection, now: Clock) -> None:
    """Append events for the rows that the transaction changed and no event of it binds yet."""
    rows = noted(tx)
    while rows and rows.any:
        append_bound(tx, Event(kind=ROWS, at=now()), rows.take())


def append_bound(tx: Connection, event: Event, bound_rows: str | None) -> Event:
    """Append an event that binds these rows."""
    last = execute(tx, _LAST).fetchone()
    sequence, previous = (last[0] + 1, last[1]) if last else (1, FIRST_HASH)
    at, actor, details = moment_to_text(event.at), storable(event.actor), redacted_json(event.details, canonical_json)
    columns = (sequence, event.kind, at, event.archive_id, actor, details, bound_rows)
    chained = _chained(previous, columns)
    execute(tx, _INSERT, (*columns, previous, chained))
    return Event(
        sequence=sequence,
        kind=event.kind,
        at=event.at,
        archive_id=event.archive_id,
        actor=actor,
        details=event.details,
        bound_rows=bound_rows,
        previous_hash=previous,
        hash=chained,
    )


def of_entry(db: Connection, archive_id: str) -> tuple[Event, ...]:
    """Return an entry's events, oldest first."""
    return tuple(map(event_of, execute(db, f"{SELECT} WHERE archive_id = ? ORDER BY sequence", (archive_id,))))


def readable_of_entry(db: Connection, archive_id: str) -> Iterator[Event]:
    """Return an entry's events, except those that another program made unreadable; each of these breaks the chain."""
    return _readable(rows_of(db, f"{SELECT} WHERE archive_id = ? ORDER BY sequence", (archive_id,)))


def _readable(rows: Iterable[Any]) -> Iterator[Event]:
    for row in rows:
        with suppress(ValueError, TypeError, RecursionError):
            event = event_of(row)
            if isinstance(event.details, dict):
                yield event


def iterate(db: Connection) -> Iterator[Event]:
    """Stream all events, oldest first, except those that only bind rows."""
    return map(event_of, execute(db, f"{SELECT} WHERE kind <> '{ROWS}' ORDER BY sequence"))


def last_moment(db: Connection, kind: str, *, among: int) -> datetime | None:
    """Return the time of the newest event of a kind, if it is ``among`` so many of the newest events."""
    newest = "SELECT at FROM events WHERE kind = ? AND sequence > (SELECT max(sequence) FROM events) - ? "
    row = execute(db, f"{newest} ORDER BY sequence DESC LIMIT 1", (kind, among)).fetchone()
    return datetime.fromisoformat(row[0]) if row else None


def without_archive_id(db: Connection, kind: str) -> tuple[Event, ...]:
    """Return the events of a rare kind that concern no entry, oldest first, except unreadable ones."""
    rare = f"{SELECT} INDEXED BY idx_event_rare WHERE {IS_RARE} AND kind = ? AND archive_id IS NULL ORDER BY sequence"
    return tuple(_readable(rows_of(db, rare, (kind,))))


def notes_taken_in(db: Connection, kinds: Sequence[str]) -> Iterator[str]:
    """Yield the names of the access notes that events of these kinds were recorded from (``details.note``)."""
    among = ", ".join("?" * len(kinds))
    found = execute(db, f"SELECT details FROM events WHERE kind IN ({among}) AND details LIKE '%\"note\":%'", kinds)
    for (details,) in found:
        yield str(json.loads(details).get("note"))


def details_with(db: Connection, kind: str, key: str) -> Iterator[dict[str, Any]]:
    """Stream the details of the events of a kind that have an object under this key, oldest first."""
    found = execute(
        db, "SELECT details FROM events WHERE kind = ? AND details LIKE ? ORDER BY sequence", (kind, f'%"{key}":{{%')
    )
    for (text,) in found:
        with suppress(ValueError, TypeError):
            details = json.loads(text)
            if isinstance(details.get(key), dict):
                yield details


def last(db: Connection) -> Event | None:
    """Return the newest event; a copy of its sequence and hash elsewhere shows whether the end was cut off later."""
    row = execute(db, f"{SELECT} ORDER BY sequence DESC LIMIT 1").fetchone()
    return event_of(row) if row else None


def last_number(db: Connection) -> int:
    """Return the number of the newest event; 0 without any."""
    return int(execute(db, "SELECT coalesce(max(sequence), 0) FROM events").fetchone()[0])


def hash_at(db: Connection, sequence: int) -> str | None:
    """Return the hash of the event with this number; None if there is none."""
    row = execute(db, "SELECT hash FROM events WHERE sequence = ?", (sequence,)).fetchone()
    return str(row[0]) if row else None


def hash_before(db: Connection, sequence: int) -> str | None:
    """Return the hash that the event with this number names as that of the event before; None if there is no such event."""
    row = execute(db, "SELECT previous_hash FROM events WHERE sequence = ?", (sequence,)).fetchone()
    return str(row[0]) if row else None


def first_break(db: Connection) -> Event | None:
    """Follow the chain; returns the first event whose sequence, previous hash or hash is wrong, as ``walked`` finds it."""
    return next((event_of(row) for row, is_whole in walked_beyond(db, erasures(db)) if not is_whole), None)


def whole_story(db: sqlite3.Connection) -> str:
    """Return the SELECT of every event, oldest first, in a database of any version."""
    return f"SELECT {_columns(db)} FROM events ORDER BY sequence"


def newest_first(db: sqlite3.Connection) -> str:
    """Return the SELECT of every event, newest first, in a database of any version."""
    return f"SELECT {_columns(db)} FROM events ORDER BY sequence DESC"


def _columns(db: sqlite3.Connection) -> str:
    return _COLUMNS if db.execute(_HAS_BOUND_ROWS).fetchone() else _COLUMNS.replace("bound_rows", "NULL")


def erasures_in(db: sqlite3.Connection) -> Erasures:
    """Return what proves the erased events of a database."""
    return Erasures(lambda sequence: db.execute(NAMING, (sequence,)).fetchone())


def erasures(db: Connection) -> Erasures:
    """Return what proves the erased events of the catalog."""
    return Erasures(lambda sequence: next(iter(rows_of(db, NAMING, (sequence,))), None))


def walked(rows: Iterable[Any], erased: Erasures) -> Iterator[tuple[Any, bool]]:
    """Stream the rows of ``whole_story``, each with True if the chain is intact up to it; ends after the first break.

    An edited event is found itself; for a removed or moved one, the event that now follows is returned. If events were cut off
    the end the chain is whole: compare ``last``.
    """
    return _walked(rows, 1, FIRST_HASH, erased)


def walked_from_any(rows: Iterable[Any], erased: Erasures) -> Iterator[tuple[Any, bool]]:
    """Stream rows as ``walked`` does, from any event on: the first one is trusted to follow the event before."""
    following = iter(rows)
    for first in following:
        yield from _walked(chain((first,), following), first[0], first[-2], erased)


def _walked(rows: Iterable[Any], expected: int, previous: str, erased: Erasures) -> Iterator[tuple[Any, bool]]:
    for row in rows:
        *columns, before, chained = row
        if columns[0] != expected or before != previous or not _is_own_hash(row, erased):
            yield row, False
            return
        yield row, True
        expected, previous = expected + 1, chained


def walked_beyond(db: Connection, erased: Erasures) -> Iterator[tuple[Any, bool]]:
    """Stream all events' rows, each with whether it follows the one before and is itself whole; goes on after a break."""
    expected, previous = 1, FIRST_HASH
    for row in _paged(db):
        sequence, before, chained = row[0], row[7], row[8]
        yield row, sequence == expected and before == previous and _is_own_hash(row, erased)
        expected, previous = sequence + 1, chained


def _paged(db: Connection) -> Iterator[Any]:
    """Stream all events' rows in pages: text that is not UTF-8 comes as bytes, of whichever event another program altered."""
    condition, place = ">=", _LEAST
    while page := rows_of(db, f"{SELECT} WHERE sequence {condition} ? ORDER BY sequence LIMIT {_PAGE}", (place,)):
        yield from page
        condition, place = ">", page[-1][0]


def without_entry(db: Connection) -> tuple[str, ...]:
    """Return the archive ids of the history that neither an entry nor a report has."""
    kinds = ("source.archived", SOURCE_IMPORTED, "source.recovered", OF_ENTRY)
    archived = f"SELECT DISTINCT archive_id FROM events e WHERE kind IN {kinds!r}"
    gone = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} t WHERE t.archive_id = e.archive_id)"
        for table in ("archive_entries", "reports")
    )
    return tuple(str(archive_id) for (archive_id,) in execute(db, f"{archived} AND {gone}").fetchall())


def _is_own_hash(row: Any, erased: Erasures) -> bool:
    return bool(row[8] == _hash(row[7], row[:7])) or erased.prove(row)


def _hash(previous: str, columns: Any) -> str:
    """Return the hash that an event must have; an empty text if another program altered its columns."""
    if columns[6] is None and not _is_one_object(columns[5]):
        return ""
    try:
        return _chained(previous, columns)
    except TypeError:  # a number, or bytes
        return ""


def _chained(previous: str, columns: Any) -> str:
    sequence, kind, at, archive_id, actor, details, bound_rows = columns
    kind, at, actor = encode_basestring_ascii(kind), encode_basestring_ascii(at), encode_basestring_ascii(actor)
    entry = "null" if archive_id is None else encode_basestring_ascii(archive_id)
    rows = "" if bound_rows is None else f",{bound_rows}"
    text = f"{previous}\n[{sequence},{kind},{at},{entry},{actor},{details}{rows}]"
    return hashlib.sha256(text.encode()).hexdigest()


def _is_one_object(details: Any) -> bool:
    """Whether details hold a JSON object alone: with digests moved behind it, the hashed text would be the same."""
    try:
        return isinstance(_fast_loads()(details), dict)
    except (ValueError, TypeError):  # whatever it refuses, such as NaN, the slower reader judges
        pass
    try:
        return isinstance(json.loads(details), dict)
    except (ValueError, TypeError, RecursionError):
        return False


@cache
def _fast_loads() -> Callable[[str], Any]:
    import orjson  # noqa: PLC0415 (only checks need it)

    return orjson.loads


def event_of(row: Any) -> Event:
    """Return the event of a row."""
    sequence, kind, at, archive_id, actor, details, bound_rows, previous, chained = row
    return Event(
        sequence=sequence,
        kind=kind,
        at=datetime.fromisoformat(at),
        archive_id=archive_id,
        actor=actor,
        details=json.loads(details),
        bound_rows=bound_rows,
        previous_hash=previous,
        hash=chained,
    )
