"""Events: the append-only history, each chained to the one before by its hash (invariant 8)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from pywats_archive.catalog.columns import moment_to_text
from pywats_archive.catalog.driver import Executor, Transaction
from pywats_archive.models.event import Event

FIRST_HASH = "0" * 64
_COLUMNS = "sequence, kind, at, archive_id, actor, details, previous_hash, hash"
_LAST = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def append(tx: Transaction, event: Event) -> Event:
    """Append an event in the transaction of what it tells; gives it with its place in the chain.

    ``hash`` is the SHA-256 (hex) of the UTF-8 text ``previous_hash + "\\n" + json``, where ``json`` is the JSON array
    ``[sequence, kind, at, archive_id, actor, details]`` without spaces, ASCII, keys of details sorted, and ``at`` as
    stored. The first previous hash is 64 zeros.
    """
    last, previous = tx.last_event or tx.execute(_LAST).fetchone() or (0, FIRST_HASH)
    sequence = last + 1
    at, details = moment_to_text(event.at), _json(event.details)
    chained = _hash(previous, sequence, event.kind, at, event.archive_id, event.actor, details)
    row = (sequence, event.kind, at, event.archive_id, event.actor, details, previous, chained)
    tx.execute(_INSERT, row)
    tx.last_event = (sequence, chained)
    return replace(event, sequence=sequence, previous_hash=previous, hash=chained)


def of_entry(db: Executor, archive_id: str) -> tuple[Event, ...]:
    """Give an entry's events, oldest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM events WHERE archive_id = ? ORDER BY sequence", (archive_id,))
    return tuple(map(_event, rows))


def iterate(db: Executor) -> Iterator[Event]:
    """Stream all events, oldest first."""
    return map(_event, db.execute(f"SELECT {_COLUMNS} FROM events ORDER BY sequence"))


def first_break(db: Executor) -> int | None:
    """Walk the chain; gives the sequence number at which it first breaks, or None when it is whole."""
    expected, previous = 1, FIRST_HASH
    for row in db.execute(f"SELECT {_COLUMNS} FROM events ORDER BY sequence"):
        sequence, kind, at, archive_id, actor, details, before, chained = row
        is_next = sequence == expected and before == previous
        if not is_next or chained != _hash(before, sequence, kind, at, archive_id, actor, details):
            return expected
        expected, previous = sequence + 1, chained
    return None


def _hash(previous: str, sequence: int, kind: str, at: str, archive_id: str | None, actor: str, details: str) -> str:
    head = _json([sequence, kind, at, archive_id, actor])
    return hashlib.sha256(f"{previous}\n{head[:-1]},{details}]".encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


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
