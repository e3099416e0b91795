"""Confirms that rows are unchanged, in half the time: SQLite itself writes each row as JSON.

A digest of that JSON confirms a row if it is the bound one. If it is another one, it says nothing, since the JSON of SQLite may
differ from the form that is hashed: ``RowDigest`` decides. No other row has the same JSON: text is quoted and escaped, a whole
number has digits alone, and any other number a point or letters. Only fractions that differ after 15 digits have, so tables
with columns for fractions are not read like this; nor are rows with bytes, which since SQLite 3.45 may be JSON themselves.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.binding.bound import BoundTable
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.catalog.binding.scanning import BEFORE_ALL, PAGE, pages
from pywats_archive.catalog.driver import rows

Page = list[tuple[Any, "str | None"]]
"""The key of each row, and a digest that can confirm it, if there is one."""
_NULL = re.compile(r'"\w+":null,?')
"""A member that is NULL; not in a text, where each quotation mark is behind a backslash."""
_PAGES_ALIKE, _FEW = 4, 40
"""After so many pages, the columns that are mostly NULL are determined again, by the next few rows."""


class Confirming:
    """The digests of the rows of a table whose key is one number."""

    def __init__(self, db: Connection, table: BoundTable) -> None:
        self._db = db
        self._table = table
        self._digest = RowDigest(table)
        self._key = table.key[0]
        self._null: frozenset[str] = frozenset()
        """Columns that are mostly NULL; only rows where they are can be confirmed, since to write them takes time."""

    def exact(self, key: Any) -> str | None:
        """Return the digest of a row; None if there is no row."""
        found = rows(self._db, self._table.select, (key,))
        return self._digest(found[0]) if found else None

    def pages(self) -> Iterator[Page]:
        """Stream all rows in pages, in the order of their keys."""
        if self._table.has_fractions:
            place = self._table.columns.index(self._key)
            for some in pages(self._db, self._table):
                yield [(row[place], self._digest(row)) for row in some]
            return
        after, number = BEFORE_ALL, 0
        while page := self._page(after, is_new=number % _PAGES_ALIKE == 0):
            yield page
            after, number = page[-1][0], number + 1

    def _page(self, after: Any, *, is_new: bool) -> Page:
        columns = ", ".join(self._table.columns)
        if is_new:
            self._null = frozenset(self._mostly_null(rows(self._db, self._following(columns, _FEW), (after,))))
        written = ", ".join(f"'{name}', {name}" for name in self._table.columns if name not in self._null)
        rest = ", ".join(("NULL", "NULL", *sorted(self._null)))
        bytes_there = " OR ".join(f"{name} >= x''" for name in self._table.columns)
        query = self._following(f"{self._key}, json_object({written}), coalesce({rest}), {bytes_there}", PAGE)
        try:
            found = rows(self._db, query, (after,))
        except sqlite3.OperationalError:  # bytes before SQLite 3.45, or a SQLite without JSON
            return [(key, None) for (key,) in rows(self._db, self._following(self._key, PAGE), (after,))]
        return [
            (key, None if has_bytes or other is not None else self._likely(text))
            for key, text, other, has_bytes in found
        ]

    def _following(self, columns: str, limit: int) -> str:
        return f"SELECT {columns} FROM {self._table.name} WHERE {self._key} > ? ORDER BY {self._key} LIMIT {limit}"

    def _mostly_null(self, some: list[Any]) -> Iterator[str]:
        for name, values in zip(self._table.columns, zip(*some, strict=True), strict=False):
            if values.count(None) > len(values) * 3 / 4:
                yield name

    def _likely(self, text: Any) -> str | None:
        if not isinstance(text, str):  # it is not UTF-8
            return None
        if ":null" in text:
            text = _NULL.sub("", text)
            text = f"{text[:-2]}}}" if text.endswith(",}") else text
        return self._digest.of_json(text)
