"""Pages of entries: each begins where the last one ended, and costs the same wherever that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import entry_order
from pywats_archive.catalog.driver import execute, rows
from pywats_archive.catalog.entries import COLUMNS, entry_of
from pywats_archive.catalog.entry_conditions import Conditions, conditions
from pywats_archive.catalog.entry_order import BY_ARRIVAL, Order, order_of
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.query import COUNTED, EntryFilter, Page, SortKey

_BY_TEXT = "entry_text CROSS JOIN archive_entries ON entry_no = entry_text.rowid"
"""CROSS JOIN: SQLite must read the full-text index first (sqlite.org/optoverview, "Manual Control Of Query Plans")."""
_MATCH = "entry_text MATCH ?"
_MATCHING = f"entry_no IN (SELECT rowid FROM entry_text WHERE {_MATCH})"
_NUMBERS = "entry_text.rowid {} (SELECT {}(entry_no) FROM archive_entries WHERE {})"
_SUM = "SELECT coalesce(sum(entries), 0) FROM entry_figures {}"


def find(
    db: Connection, wanted: EntryFilter, *, limit: int, offset: int = 0, after: str | None = None
) -> Page[ArchiveEntry]:
    """Return a page of the matches, behind ``offset`` of them or behind the position ``after``.

    At most ``COUNTED`` matches are counted, unless the sums of the catalog have their number. UsageError if ``after`` is no
    position in this order.
    """
    order, asked = order_of(wanted), conditions(wanted)
    position = None if after is None else entry_order.read(after, order)
    found = _behind(db, asked, order, position, limit=limit + 1, offset=offset)
    shown, keys = found[:limit], len(order.columns)
    items = tuple(entry_of(row[:-keys]) for row in shown)
    following = entry_order.written(shown[-1][-keys:]) if len(found) > limit else None
    if position is None and following is None and (items or not offset):
        return Page(items=items, total=offset + len(items))
    total = _summed(db, wanted)
    if total is None:
        total = _counted(db, asked)
        return Page(items=items, total=min(total, COUNTED), total_is_exact=total <= COUNTED, next=following)
    return Page(items=items, total=total, next=following)


def iterate(db: Connection, wanted: EntryFilter, *, page_size: int = 500) -> Iterator[ArchiveEntry]:
    """Stream the matches in their order; entries added meanwhile may be missing."""
    order, asked = order_of(wanted), conditions(wanted)
    position: tuple[Any, ...] | None = None
    keys = len(order.columns)
    while True:
        found = _behind(db, asked, order, position, limit=page_size)
        yield from (entry_of(row[:-keys]) for row in found)
        if len(found) < page_size:
            return
        position = tuple(found[-1][-keys:])


def _behind(
    db: Connection, asked: Conditions, order: Order, position: tuple[Any, ...] | None, *, limit: int, offset: int = 0
) -> list[Any]:
    """Return the rows behind a position, each with the columns of the order at its end."""
    found: list[Any] = []
    for missing in (False, True) if order.may_be_null else (False,):
        if position is not None and position[0] is None and not missing:
            continue  # the position is among the last
        is_within = position is not None and (position[0] is None) is missing
        beyond, values = order.beyond(position if is_within else None, missing=missing)
        where = tuple(filter(None, (*asked.where, beyond)))
        stretch = replace(asked, where=where, values=(*asked.values, *values), counted=None)
        more = _rows(db, stretch, order, missing=missing, limit=limit - len(found), offset=offset)
        found += more
        if len(found) == limit:
            return found
        offset = 0 if more or not offset else offset - _counted(db, stretch, most=offset)
    return found


def _rows(db: Connection, asked: Conditions, order: Order, *, missing: bool, limit: int, offset: int) -> list[Any]:
    ordered = order.sql(missing=missing)
    columns = f"SELECT {COLUMNS}, {', '.join(order.columns)}"
    if order.columns == BY_ARRIVAL:
        source, values = _by_text(asked)
        return rows(db, f"{columns} FROM {source} {ordered} LIMIT ? OFFSET ?", (*values, limit, offset))
    source, values = _by_rows(asked)
    numbers = f"SELECT entry_no FROM {source} {ordered} LIMIT ? OFFSET ?"
    text = f"{columns} FROM archive_entries WHERE entry_no IN ({numbers}) {ordered}"
    return rows(db, text, (*values, limit, offset))


def _by_text(asked: Conditions) -> tuple[str, tuple[Any, ...]]:
    """Return what to select from, the full-text index first, with its values; of a date range, only its numbers."""
    within, sides = " AND ".join(asked.range), ((">=", "min"), ("<=", "max"))
    bounds = [_NUMBERS.format(sign, end, within) for sign, end in sides] if within else []
    tests = " AND ".join((_MATCH, *bounds, *asked.where))
    return f"{_BY_TEXT} WHERE {tests}", (asked.match, *asked.range_values * len(bounds), *asked.values)


def _by_rows(asked: Conditions) -> tuple[str, tuple[Any, ...]]:
    """Return what to select from, with its values."""
    where, values = (
        (asked.where, asked.values)
        if asked.match is None
        else (
            (*asked.where, _MATCHING),
            (*asked.values, asked.match),
        )
    )
    return f"archive_entries {f'WHERE {joined}' if (joined := ' AND '.join(where)) else ''}", values


def _summed(db: Connection, wanted: EntryFilter) -> int | None:
    """Return the number of matches that the sums of the catalog have; None if they do not have it."""
    if replace(wanted, converter_name=None, sort=SortKey.TIME, newest_first=True) != EntryFilter():
        return None
    where, values = ("WHERE converter_name = ?", (wanted.converter_name,)) if wanted.converter_name else ("", ())
    return int(execute(db, _SUM.format(where), values).fetchone()[0])


def _counted(db: Connection, asked: Conditions, *, most: int = COUNTED + 1) -> int:
    """Count the matches, but not beyond ``most``."""
    if asked.counted:
        (number,) = execute(db, f"SELECT count(*) FROM ({asked.counted} LIMIT ?)", (*asked.values, most)).fetchone()
        return int(number)
    source, values = _by_text(asked) if asked.match is not None else _by_rows(asked)
    (number,) = execute(db, f"SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT ?)", (*values, most)).fetchone()
    return int(number)
