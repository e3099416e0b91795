"""Streams the rows of a bound table, whatever their values are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.binding.bound import BoundTable
from pywats_archive.catalog.driver import rows

_PAGE = 500
_LEAST = -(2**63)
"""The least number that a key can be."""


def scanned(db: Connection, table: BoundTable) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Stream key and values, as in ``columns``, of each row in the order of the keys; a page is in memory."""
    keys, width = ", ".join(table.key), len(table.key)
    columns = f"{keys}, {', '.join(table.columns)}"
    where = f"WHERE {keys} > ? ORDER BY {keys} LIMIT {_PAGE}"
    if not table.has_number:  # a key of another program may not be text, which has no place in the order of texts
        where = f"ORDER BY {keys} LIMIT {_PAGE} OFFSET ?"
    page = f"SELECT {columns} FROM {table.name} {where}"
    first = page.replace(" > ?", " >= ?")  # another program may have added a row with the least number
    place, query = (_LEAST, first) if table.has_number else (0, page)
    while found := rows(db, query, (place,)):
        query = page
        for row in found:
            yield row[:width], row[width:]
        place = found[-1][0] if table.has_number else place + len(found)
