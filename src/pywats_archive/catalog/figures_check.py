"""Compares the sums that triggers keep with a count of the entries, and triggers and tables with those of this version."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from operator import add
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.tables import IS_OPEN, metadata

SUMS = (
    "entries, warned, source_size_bytes, compressed_size_bytes, disk_size_bytes, reports, reports_size_bytes, "
    "reports_compressed_bytes"
)
_KEPT = f"SELECT converter_name, day, status, {SUMS} FROM entry_figures"
_ENTRIES = (
    "SELECT converter_name, substr(archive_id, 1, 8), CASE WHEN purged_at IS NULL THEN conversion_status ELSE 'PURGED' END, "
    "1, warnings IS NOT NULL, source_size_bytes, compressed_size_bytes, disk_size_bytes, all_reports, "
    "all_reports_size_bytes, all_reports_compressed_bytes FROM archive_entries"
)
_NUMBERS = frozenset({int})
_KEPT_ARRIVALS = "SELECT converter_name, day, state, arrivals, first_arrival FROM arrival_figures WHERE arrivals <> 0"
_ARRIVALS = (
    f"SELECT converter_name, substr(first_seen_at, 1, 10), state, arrival_id FROM arrivals WHERE NOT ({IS_OPEN})"
)
TRIGGERS: Mapping[str, str] = {
    "arrival_comes_ended": "7d94d5e802abdac9f0d68937c386a556a471aea172c2276a5f0e1a2eca6698fe",
    "arrival_ends": "783e19bb18997cacea8120ce19c7df61eca8bc4f1db4ef5e7f116592e72b589f",
    "arrival_goes": "8c84c831fbceddf4a5cc51260888679a4e41dde71932d8335265dc3ce50b35e3",
    "arrival_resumes": "216dc1d1f3bdce7793873ac5b8818373942b5248ded296de2cca428b298a200d",
    "entry_changes": "0c2b49b8dde8d243c34cf5b89fcddf21625133acee9abd291ecc7e5eba8e1669",
    "entry_comes": "4950aeac90195938c3f8617673b608b0f20f75ca2c67fe607d9d7124743f7810",
    "entry_goes_on": "29c1bc39a3cfedfe9dcff684616a64388bf0f982bddfbe52d838831a6b4603ff",
    "events_are_kept": "fcf6bdb1d50a550b4a9e8197404e3ca84a75d4795300d9c97cec8aa3431d1fb1",
    "events_stay": "272630f9e73a0ac2d1a18aa3a73cbef4f01ad086db30e72c2bc02df090d45310",
    "report_comes": "685964d07dae7c42ae5090dca09c600118780efe6e80dc16c46aefe91b06d2d3",
    "report_shrinks": "a84afc7f2206411a4decb27d26216b89e08bc047725d8f65a93e50d2b0ec4e5c",
}
"""The SHA-256 of each trigger's SQL."""


def wrong_sums(db: Connection) -> Iterator[str]:
    """Stream the names of sums that are not what a count of the entries, or of the finished arrivals, gives.

    Counted here, row by row: the memory is that of the sums, where a GROUP BY would sort all rows in memory.
    """
    left = {name: sums for name, sums in _added(db, _KEPT).items() if any(sums)}
    for name, sums in _added(db, _ENTRIES).items():
        if left.get(name) == sums:
            del left[name]
        else:
            left[name] = sums
    yield from sorted(", ".join(map(str, name)) for name in left)
    yield from sorted(", ".join(map(str, name)) for name in _wrong_arrivals(db))


def _wrong_arrivals(db: Connection) -> set[tuple[Any, ...]]:
    """Return the sums of arrivals that have another number, or leave out an arrival before the first one that they name."""
    counted: dict[tuple[Any, ...], tuple[int, int]] = {}
    for *name, number in execute(db, _ARRIVALS):
        so_far, first = counted.get(tuple(name), (0, number))
        counted[tuple(name)] = so_far + 1, min(first, number)
    wrong = set(counted)
    for *name, number, first in execute(db, _KEPT_ARRIVALS):
        known = counted.get(tuple(name))
        if known and number == known[0] and type(number) is type(first) is int and first <= known[1]:
            wrong.discard(tuple(name))
        else:
            wrong.add(tuple(name))
    return wrong


def _added(db: Connection, query: str) -> dict[tuple[Any, ...], list[Any]]:
    """Return the sums of a query's rows by their first three columns: converter, day and state."""
    added: dict[tuple[Any, ...], list[Any]] = {}
    for row in execute(db, query):
        name, values = row[:3], row[3:]
        if not _NUMBERS.issuperset(map(type, values)):  # of another program
            values = [value if isinstance(value, int) else math.nan for value in values]  # equal to no sum
        added[name] = list(map(add, added[name], values)) if name in added else list(values)
    return added


def other_triggers(db: Connection) -> Iterator[str]:
    """Stream the names of triggers that are missing, altered, or of another program."""
    found = dict(execute(db, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    hashes = {name: hashlib.sha256(str(sql).encode()).hexdigest() for name, sql in found.items()}
    yield from sorted(name for name in hashes.keys() | TRIGGERS.keys() if hashes.get(name) != TRIGGERS.get(name))


def other_tables(db: Connection) -> Iterator[str]:
    """Stream the names of tables with other columns or another key, or with a view in their place, and of all other views."""
    views = {name for (name,) in execute(db, "SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()}
    columns = 'SELECT name, "notnull", pk, hidden FROM pragma_table_xinfo(?)'
    for name, table in metadata.tables.items():
        key = list(table.primary_key.columns.keys())
        expected = {
            (column.name, int(not column.nullable), key.index(column.name) + 1 if column.name in key else 0, 0)
            for column in table.columns
        }
        if set(execute(db, columns, (name,)).fetchall()) != expected:
            views.add(name)
    yield from sorted(views)
