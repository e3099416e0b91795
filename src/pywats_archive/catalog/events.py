"""Events: the append-only history, each event chained to the one before by its hash (invariant 8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import canonical_json, moment_to_text
from pywats_archive.catalog.driver import execute, storable
from pywats_archive.models.event import Event, EventFilter
from pywats_archive.models.time import as_utc
from pywats_archive.redaction import redacted_json

FIRST_HASH = "0" * 64
_COLUMNS = "sequence, kind, at, archive_id, actor, details, previous_hash, hash"
_SELECT = f"SELECT {_COLUMNS} FROM events"
WHOLE_STORY = f"{_SELECT} ORDER BY sequence"
"""Every event, oldest first."""
NEWEST_FIRST = f"{_SELECT} ORDER BY sequence DESC"
_LAST = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def append(tx: Connection, event: Event) -> Event:
    r"""Append an event in the transaction of its fact; returns it with its place in the chain.

    ``hash`` is the SHA-256 (hex) of the ASCII text ``previous_hash + "\n" + json``, where ``json`` is the JSON array
    ``[sequence, kind, at, archive_id, actor, details]``: every column as it is stored (``details`` is JSON already), no
    spaces, other characters than ASCII as ``\uXXXX``, keys of details sorted. The first previous hash is 64 zeros.
    """
    last = execute(tx, _LAST).fetchone()
    sequence, previous = (last[0] + 1, last[1]) if last else (1, FIRST_HASH)
    at, actor, details = moment_to_text(event.at), storable(event.actor), redacted_json(event.details, canonical_json)
    columns = (sequence, event.kind, at, event.archive_id, actor, details)
    chained = _hash(previous, columns)
    execute(tx, _INSERT, (*columns, previous, chained))
    return Event(
        sequence=sequence,
        kind=event.kind,
        at=event.at,
        archive_id=event.archive_id,
        actor=actor,
        details=event.details,
        previous_hash=previous,
        hash=chained,
    )


def of_entry(db: Connection, archive_id: str) -> tuple[Event, ...]:
    """Return an entry's events, oldest first."""
    return tuple(map(_event, execute(db, f"{_SELECT} WHERE archive_id = ? ORDER BY sequence", (archive_id,))))


def iterate(db: Connection) -> Iterator[Event]:
    """Stream all events, oldest first."""
    return map(_event, execute(db, f"{_SELECT} ORDER BY sequence"))


def matching(db: Connection, wanted: EventFilter, *, after: int, upto: int, limit: int) -> tuple[Event, ...]:
    """Return the newest events that match, oldest first: behind the number ``after``, up to ``upto``."""
    kinds = " OR ".join(["kind = ? OR substr(kind, 1, ?) = ?"] * len(wanted.kinds)) or "1"
    values: list[Any]
    conditions, values = [f"sequence > ? AND sequence <= ? AND ({kinds})"], [after, upto]
    values += chain.from_iterable((kind, len(kind) + 1, f"{kind}.") for kind in wanted.kinds)
    if wanted.archive_id is not None:
        conditions, values = [*conditions, "archive_id = ?"], [*values, wanted.archive_id]
    if wanted.since is not None:
        conditions, values = [*conditions, "at >= ?"], [*values, moment_to_text(as_utc(wanted.since))]
    query = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY sequence DESC LIMIT ?"
    return tuple(map(_event, reversed(execute(db, query, [*values, limit]).fetchall())))


def last_moment(db: Connection, kind: str, *, among: int) -> datetime | None:
    """Return the time of the newest event of a kind, if it is ``among`` so many of the newest events."""
    newest = "SELECT at FROM events WHERE kind = ? AND sequence > (SELECT max(sequence) FROM events) - ? "
    row = execute(db, f"{newest} ORDER BY sequence DESC LIMIT 1", (kind, among)).fetchone()
    return datetime.fromisoformat(row[0]) if row else None


def without_archive_id(db: Connection, kind: str) -> tuple[Event, ...]:
    """Return the events of a kind that concern no entry, oldest first."""
    found = execute(db, f"{_SELECT} WHERE archive_id IS NULL AND kind = ? ORDER BY sequence", (kind,))
    return tuple(map(_event, found))


def last(db: Connection) -> Event | None:
    """Return the newest event; a copy of its sequence and hash elsewhere shows whether the end was cut off later."""
    row = execute(db, f"{_SELECT} ORDER BY sequence DESC LIMIT 1").fetchone()
    return _event(row) if row else None


def first_break(db: Connection) -> Event | None:
    """Walk the chain; returns the first event whose sequence, previous hash or hash is wrong.

    An edited event is found itself; for a removed or moved one, the event that now follows is returned. If events were cut off
    the end the chain is whole: compare ``last``.
    """
    for row, is_whole in walked(execute(db, WHOLE_STORY)):
        if not is_whole:
            return _event(row)
    return None


def walked(rows: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Stream the rows of ``WHOLE_STORY``, each with whether the chain is whole up to it; ends after the first break."""
    return _walked(rows, 1, FIRST_HASH)


def walked_from_any(rows: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Stream rows as ``walked`` does, from any event on: the first one is trusted to follow the event before."""
    following = iter(rows)
    for first in following:
        yield from _walked(chain((first,), following), first[0], first[-2])


def _walked(rows: Iterable[Any], expected: int, previous: str) -> Iterator[tuple[Any, bool]]:
    for row in rows:
        *columns, before, chained = row
        if columns[0] != expected or before != previous or chained != _hash(before, columns):
            yield row, False
            return
        yield row, True
        expected, previous = expected + 1, chained


def without_entry(db: Connection) -> tuple[str, ...]:
    """Return the archive ids of the history that neither an entry nor a report has."""
    archived = "SELECT DISTINCT archive_id FROM events e WHERE kind IN ('source.archived', 'source.recovered')"
    gone = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} t WHERE t.archive_id = e.archive_id)"
        for table in ("archive_entries", "reports")
    )
    return tuple(str(archive_id) for (archive_id,) in execute(db, f"{archived} AND {gone}").fetchall())


def _hash(previous: str, columns: Any) -> str:
    head = canonical_json(columns[:5])
    return hashlib.sha256(f"{previous}\n{head[:-1]},{columns[5]}]".encode()).hexdigest()


def _event(row: Any) -> Event:
    sequence, kind, at, archive_id, actor, details, previous, chained = row
    return Event(
        sequence=sequence,
        kind=kind,
        at=datetime.fromisoformat(at),
        archive_id=archive_id,
        actor=actor,
        details=json.loads(details),
        previous_hash=previous,
        hash=chained,
    )
