"""Streams the rows of a bound table, whatever their values are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.binding.bound import BoundTable
from pywats_archive.catalog.driver import rows

PAGE = 500
BEFORE_ALL = float("-inf")
"""Before the least number that a key can be."""


def scanned(db: Connection, table: BoundTable) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Stream key and values, as in ``columns``, of each row in the order of the keys; a page is in memory."""
    places = [table.columns.index(name) for name in table.key]
    for page in pages(db, table):
        for row in page:
            yield tuple(row[place] for place in places), row


def pages(db: Connection, table: BoundTable) -> Iterator[list[tuple[Any, ...]]]:
    """Stream the values, as in ``columns``, of all rows in pages, in the order of the keys."""
    keys = ", ".join(table.key)
    where = f"WHERE {keys} > ? ORDER BY {keys} LIMIT {PAGE}"
    if not table.has_number:  # a key of another program may not be text, which has no place in the order of texts
        where = f"ORDER BY {keys} LIMIT {PAGE} OFFSET ?"
    query = f"SELECT {', '.join(table.columns)} FROM {table.name} {where}"
    place, key = (BEFORE_ALL if table.has_number else 0), table.columns.index(table.key[0])
    while page := rows(db, query, (place,)):
        yield page
        place = page[-1][key] if table.has_number else place + len(page)
