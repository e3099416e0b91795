"""Erases what events say: details that are about a person, and keys of rows that name one. Each stays in the chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import canonical_json, json_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.erased_events import MARK, NAMED, OF_ENTRY, OF_NONE, row_digest
from pywats_archive.catalog.erasing import TEXT_KEYED, Scrub, erased_keys
from pywats_archive.catalog.events import SELECT as EVENTS
from pywats_archive.catalog.events import append, bind_rest, last_number
from pywats_archive.models.event import Event
from pywats_archive.models.retention.purge import PurgeReason

IsGone = Callable[[str, Any], bool]
"""Tells whether a key of a bound table goes."""
_IDS = "(SELECT value FROM json_each(?))"
_AT_ONCE = 1000
_KEPT = frozenset({"checksum", "note", "report_id", "origin", "status", "reason"})
"""Texts in the details of an entry's events that are not about a person, by their names; numbers stay too."""
_REASONS = frozenset(reason.value for reason in PurgeReason)
_LOOSE = (
    f"{EVENTS} WHERE (archive_id IS NULL AND kind NOT IN ('rows', '{OF_NONE}') OR "
    + " OR ".join(f"instr(bound_rows, '\"{name}\":')" for name in TEXT_KEYED)
    + f") AND kind <> '{OF_ENTRY}' ORDER BY sequence"
)
_TRIGGER = "events_stay"


def erase_events(tx: Connection, archive_ids: Sequence[str], scrub: Scrub, record: Callable[[str], Event]) -> int:
    """Erase the details of the entries' events, and texts in events of no entry; returns how many events.

    ``record`` returns the event of an entry's erasure, or with an empty id that of other events; it gets a digest of each
    erased event, which proves the erasure.
    """
    bind_rest(tx, lambda: record("").at)
    erased, is_gone = 0, erased_keys(archive_ids, scrub)
    with _changeable(tx):
        for archive_id in archive_ids:
            own = execute(tx, f"{EVENTS} WHERE archive_id = ? AND kind <> ? ORDER BY sequence", (archive_id, OF_ENTRY))
            erased += _erased(tx, own.fetchall(), _reduced, is_gone, record(archive_id))
        others = [row[0] for row in execute(tx, _LOOSE) if row[3] not in archive_ids and _names(row, scrub, is_gone)]
        for start in range(0, len(others), _AT_ONCE):
            some = json_to_text(others[start : start + _AT_ONCE])
            found = execute(tx, f"{EVENTS} WHERE sequence IN {_IDS} ORDER BY sequence", (some,)).fetchall()
            erased += _erased(tx, found, scrub, is_gone, record(""))
    return erased


def _erased(tx: Connection, found: Iterable[Any], reduce: Scrub, is_gone: IsGone, event: Event) -> int:
    """Erase the details of some events, and append the event that names them."""
    later, digests = last_number(tx) + 1, {}
    for sequence, kind, at, archive_id, actor, details, bound_rows, previous, chained in found:
        reduced = canonical_json({**reduce(_object(details)), MARK: later})
        bound = _without_keys(bound_rows, is_gone)
        execute(tx, "UPDATE events SET details = ?, bound_rows = ? WHERE sequence = ?", (reduced, bound, sequence))
        digests[str(sequence)] = row_digest((sequence, kind, at, archive_id, actor, reduced, bound, previous, chained))
    appended = append(
        tx,
        Event(
            kind=event.kind,
            at=event.at,
            archive_id=event.archive_id,
            actor=event.actor,
            details={**event.details, NAMED: digests},
        ),
    )
    assert appended.sequence == later
    return len(digests)


def _reduced(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details of an entry's event without its texts, except those that are about no person."""
    return {
        name: value
        for name, value in details.items()
        if value is None
        or isinstance(value, int | float)
        or (name in _KEPT and isinstance(value, str) and (name != "reason" or value in _REASONS))
    }


def _object(details: str) -> dict[str, Any]:
    """Return details; none if another program altered them."""
    try:
        value = json.loads(details)
    except (ValueError, TypeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _names(row: Any, scrub: Scrub, is_gone: IsGone) -> bool:
    """Whether an event of no entry has a text that is to be erased."""
    details = _object(row[5])
    is_loose = row[3] is None and row[1] != "rows"
    return (is_loose and scrub(details) is not details) or _without_keys(row[6], is_gone) != row[6]


def _without_keys(bound_rows: str | None, is_gone: IsGone) -> str | None:
    """Return bound rows without those whose keys have an erased text."""
    if bound_rows is None or not any(f'"{name}":' in bound_rows for name in TEXT_KEYED):
        return bound_rows
    tables = json.loads(bound_rows)
    kept = {
        name: {key: digest for key, digest in members.items() if not is_gone(name, _value(key))}
        for name, members in tables.items()
    }
    return bound_rows if kept == tables else json_to_text({name: keys for name, keys in kept.items() if keys})


def _value(key: str) -> Any:
    return json.loads(key) if key.startswith("[") else key


@contextmanager
def _changeable(tx: Connection) -> Iterator[None]:
    """Let the block change events, which a trigger forbids everyone else."""
    (sql,) = execute(tx, "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (_TRIGGER,)).fetchone()
    execute(tx, f"DROP TRIGGER {_TRIGGER}")
    yield
    execute(tx, sql)
