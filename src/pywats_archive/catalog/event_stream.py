"""Events by kind, entry, time, actor and text, oldest first; in pages, so that a long history needs little memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.events import SELECT, event_of
from pywats_archive.catalog.tables import ROWS
from pywats_archive.models.event import Event, EventFilter, kinds_of
from pywats_archive.models.time import as_utc

Conditions = tuple[str, list[Any]]


def conditions(wanted: EventFilter) -> Conditions:
    """Return the conditions of a filter as SQL, and their values."""
    found = list(_conditions(wanted))
    return " AND ".join(text for text, _ in found) or "1", list(chain.from_iterable(values for _, values in found))


def newest(db: Connection, wanted: EventFilter, *, after: int, upto: int, limit: int) -> tuple[Event, ...]:
    """Return the newest events that match, oldest first: behind the number ``after``, up to ``upto``."""
    text, values = conditions(wanted)
    query = f"{SELECT} WHERE sequence > ? AND sequence <= ? AND {text} ORDER BY sequence DESC LIMIT ?"
    return tuple(map(event_of, reversed(execute(db, query, [after, upto, *values, limit]).fetchall())))


def following(db: Connection, wanted: EventFilter, *, after: int, upto: int, limit: int) -> tuple[Event, ...]:
    """Return the next events that match, oldest first: behind the number ``after``, up to ``upto``."""
    text, values = conditions(wanted)
    query = f"{SELECT} WHERE sequence > ? AND sequence <= ? AND {text} ORDER BY sequence LIMIT ?"
    return tuple(map(event_of, execute(db, query, [after, upto, *values, limit]).fetchall()))


def nth_newest(db: Connection, wanted: EventFilter, number: int) -> int:
    """Return the number of the nth newest event that matches; 0 if there are fewer."""
    text, values = conditions(wanted)
    query = f"SELECT sequence FROM events WHERE {text} ORDER BY sequence DESC LIMIT 1 OFFSET ?"
    row = execute(db, query, [*values, number - 1]).fetchone()
    return int(row[0]) if row else 0


def asked_kinds(wanted: EventFilter) -> tuple[str, ...]:
    """Return the kinds that a filter names, or their beginnings; those of its categories too. Empty: all kinds."""
    return (*wanted.kinds, *(kinds_of(wanted.categories) if wanted.categories else ()))


def _conditions(wanted: EventFilter) -> Iterator[Conditions]:
    if kinds := asked_kinds(wanted):
        each = " OR ".join(["kind = ? OR substr(kind, 1, ?) = ?"] * len(kinds))
        yield f"({each})", list(chain.from_iterable((kind, len(kind) + 1, f"{kind}.") for kind in kinds))
    else:
        yield "kind <> ?", [ROWS]
    yield from of_any_kind(wanted)


def of_any_kind(wanted: EventFilter) -> Iterator[Conditions]:
    """Yield the conditions of a filter apart from the kinds."""
    if wanted.archive_id is not None:
        yield "archive_id = ?", [wanted.archive_id]
    if wanted.since is not None:
        yield "at >= ?", [moment_to_text(as_utc(wanted.since))]
    if wanted.until is not None:
        yield "at < ?", [moment_to_text(as_utc(wanted.until))]
    if wanted.actor is not None:
        name, begin = wanted.actor, f"token:{wanted.actor}/"
        yield "(actor IN (?, ?, ?) OR substr(actor, 1, ?) = ?)", [name, f"os:{name}", f"web:{name}", len(begin), begin]
    if wanted.text is not None:
        yield "instr(lower(details), ?) > 0", [json.dumps(wanted.text)[1:-1].lower()]
