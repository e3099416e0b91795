"""Events with the rows that they bind, as lines of JSON: all that a catalog knows of a part of its history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
from sqlalchemy import Connection

from pywats_archive.catalog import events
from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from pywats_archive.catalog.driver import rows, storable
from pywats_archive.catalog.erased_events import NAMED, OF_ENTRY, OF_NONE

EVENTS = "events"
EVENT_COLUMNS = ("sequence", "kind", "at", "archive_id", "actor", "details", "bound_rows", "previous_hash", "hash")
TABLES = {table.name: table for table in BOUND}
Key = tuple[Any, ...]
_PAGE = f"{events.SELECT} WHERE sequence > ? ORDER BY sequence LIMIT ?"
_ONE = f"{events.SELECT} WHERE sequence = ?"
_BOUND_IN = "SELECT bound_rows FROM events WHERE sequence BETWEEN ? AND ? AND bound_rows IS NOT NULL"
_CHAIN_BEGINS = "SELECT hash FROM events WHERE sequence = 1"
_ENTRY = "SELECT entry_no, purged_at, archived_path, companions FROM archive_entries WHERE "
_REPORT = (
    "SELECT archive_entries.purged_at IS NOT NULL OR EXISTS (SELECT 1 FROM events e WHERE e.archive_id = reports.archive_id "
    "AND e.kind = 'report.removed' AND json_extract(e.details, '$.blob') = reports.archived_path), reports.archived_path "
    "FROM reports LEFT JOIN archive_entries USING (archive_id) WHERE report_no = ?"
)


def after(db: Connection, sequence: int, limit: int) -> list[Any]:
    """Return the rows of the next events, oldest first."""
    return rows(db, _PAGE, (sequence, limit))


def chain_of(db: Connection) -> str | None:
    """Return the name of the history: 12 hex digits of the hash of the event that began it; None without events.

    It begins with its first event, or with the last rebuild of the catalog: what that replaced may have had other events under
    the same numbers.
    """
    rebuilt = events.without_archive_id(db, "catalog.rebuilt")
    if rebuilt:
        return (rebuilt[-1].hash or "")[:12]
    row = next(iter(rows(db, _CHAIN_BEGINS)), None)
    return str(row[0])[:12] if row else None


def bound_keys(bound_rows: str | None) -> Iterator[tuple[BoundTable, str]]:
    """Yield the rows that an event binds: the table, and the key as the event has it."""
    if bound_rows:
        for name, members in json.loads(bound_rows).items():
            for key in members:
                yield TABLES[name], key


def numbers_in(db: Connection, first: int, last: int) -> tuple[int, int]:
    """Return the greatest numbers of an entry and of a report that the events of a range bind; 0 if they bind none."""
    entry_no = report_no = 0
    for (bound_rows,) in rows(db, _BOUND_IN, (first, last)):
        for table, key in bound_keys(bound_rows):
            if table.name == "archive_entries":
                entry_no = max(entry_no, int(key))
            elif table.name == "reports":
                report_no = max(report_no, int(key))
    return entry_no, report_no


def erased_by(db: Connection, event: Sequence[Any]) -> Iterator[Any]:
    """Yield the rows of the events whose texts an event says were erased, as they are now."""
    if event[1] in (OF_ENTRY, OF_NONE):
        for number in json.loads(event[5]).get(NAMED, {}):
            yield from rows(db, _ONE, (int(number),))


def event_line(row: Sequence[Any]) -> bytes:
    """Write an event as a line."""
    return _line({"table": EVENTS, "key": str(row[0]), "row": _values(EVENT_COLUMNS, row)})


def row_line(db: Connection, table: BoundTable, key: str) -> bytes:
    """Return the present values of a row as a line, without NULL; a row that was removed has no ``row``."""
    for values in keys_of(table, key):
        for found in rows(db, table.select, values):
            return _line({"table": table.name, "key": key, "row": _values(table.columns, found)})
    return _line({"table": table.name, "key": key})


def keys_of(table: BoundTable, key: str) -> Iterator[Key]:
    """Yield the values that a key may stand for: one text, which may look like JSON, or several values."""
    if table.has_number:
        yield (int(key),)
        return
    if len(table.key) == 1:
        yield (key,)
    if key.startswith("["):
        with suppress(ValueError):
            yield tuple(map(_value, json.loads(key)))


def paths_of_entry(db: Connection, entry_no: int) -> tuple[bool, tuple[str, ...]]:
    """Return whether an entry was purged, and the blobs of its source and companions."""
    return _paths(rows(db, f"{_ENTRY} entry_no = ?", (entry_no,)))


def paths_of_companions(db: Connection, archive_id: str, names: Sequence[str]) -> tuple[bool, tuple[str, ...]]:
    """Return the same for some of an entry's companions; for the whole entry if one of them has another name by now."""
    found = rows(db, f"{_ENTRY} archive_id = ?", (archive_id,))
    is_purged, whole = _paths(found)
    with suppress(ValueError, TypeError, KeyError):
        by_name = {each["name"]: str(each["archived_path"]) for row in found for each in json.loads(row[3] or "[]")}
        if names:
            return is_purged, tuple(dict.fromkeys(by_name[name] for name in names))
    return is_purged, whole


def path_of_report(db: Connection, report_no: int) -> tuple[bool, tuple[str, ...]]:
    """Return whether a report was removed or its entry purged, and the report's blob."""
    return next(((bool(is_gone), (path,)) for is_gone, path in rows(db, _REPORT, (report_no,))), (False, ()))


def _paths(found: Sequence[Any]) -> tuple[bool, tuple[str, ...]]:
    for _, purged_at, path, companions in found:
        named = [path] if path else []
        with suppress(ValueError, TypeError, KeyError):
            named += [str(each["archived_path"]) for each in json.loads(companions or "[]")]
        return purged_at is not None, tuple(dict.fromkeys(named))
    return False, ()


def read_line(line: bytes) -> tuple[str, str, dict[str, Any] | None]:
    """Read a line: the table, the key as events have it, and the values of the row; none if it was removed."""
    try:
        known = orjson.loads(line)
    except orjson.JSONDecodeError:  # half of a surrogate pair, which a name may have, is none of its texts
        known = json.loads(line)
    row = known.get("row")
    for name, value in row.items() if row else ():
        if type(value) is dict:
            row[name] = _value(value)
    return str(known["table"]), str(known["key"]), row


def require_key(table: str, key: str, row: Mapping[str, Any] | None) -> None:
    """Raise ValueError unless a line is of a table that is exported, and its key is that of its row."""
    bound = TABLES.get(table)
    if bound is None and table != EVENTS:
        raise ValueError(f"it has rows of {table!r}, which is not copied")
    if row and bound is None and str(row["sequence"]) != key:
        raise ValueError(f"it has event {row['sequence']} as {key!r}")
    if row and bound is not None and not _is_plain(bound, key, row):
        own = [storable(str(row.get(name))) for name in bound.key]
        if not any([storable(str(value)) for value in values] == own for values in keys_of(bound, key)):
            raise ValueError(f"it has a row of {table} under another key: {key!r}")


def _is_plain(table: BoundTable, key: str, row: Mapping[str, Any]) -> bool:
    """Whether a key is the one value of its row, as nearly all are; this is quicker than ``keys_of``."""
    own = row.get(table.key[0])
    return len(table.key) == 1 and type(own) is (int if table.has_number else str) and str(own) == key


def event_rows(lines: Iterable[bytes], first: int, last: int) -> Iterator[Any]:
    """Yield the rows of the events in some lines, from the first number to the last one, as SELECT returns them."""
    for line in lines:
        table, key, row = read_line(line)
        if table == EVENTS and row and first <= int(key) <= last:
            yield tuple(row.get(name) for name in EVENT_COLUMNS)


def _values(columns: Iterable[str], row: Sequence[Any]) -> dict[str, Any]:
    named = zip(columns, row, strict=True)
    return {name: _written(value) for name, value in named if value is not None}


def _written(value: Any) -> Any:
    return {"bytes": value.hex()} if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    return bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value


_encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":")).encode


def _line(value: dict[str, Any]) -> bytes:
    return _encode(value).encode("ascii") + b"\n"
