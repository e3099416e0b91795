"""Reads single rows out of the lines of a segment, for whoever needs a few tables and no catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pywats_archive.catalog import exporting
from pywats_archive.catalog.column_types import text_to_path
from pywats_archive.models.entry import ERASED

Row = Mapping[str, Any]
OF_ENTRIES = frozenset(name for name, table in exporting.TABLES.items() if "archive_id" in table.columns)
"""The tables whose rows name an entry; events are none of them."""


def rows_of(lines: Iterable[bytes], tables: Iterable[str]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of some tables, as ``lines_of`` does, without their lines."""
    return ((table, row) for table, row, _ in lines_of(lines, tables))


def lines_of(lines: Iterable[bytes], tables: Iterable[str]) -> Iterator[tuple[str, Row, bytes]]:
    """Yield the rows of some tables, each with the name of its table and its line; rows that were removed are left out.

    ValueError, KeyError, TypeError, AttributeError or RecursionError if such a line is not one that an archive writes.
    """
    begins = tuple(f'{{"table":"{name}"'.encode() for name in tables)
    for line in lines:
        if line.startswith(begins):  # most lines are of other tables, and are not parsed
            table, key, row = exporting.read_line(line)
            exporting.require_key(table, key, row)
            if row is not None:
                yield table, row, line


def is_erased(row: Row) -> bool:
    """Whether a row of ``archive_entries`` is that of an entry that was erased."""
    return row.get("source_path") == ERASED


def path_of(value: Any) -> str:
    """Return the path that a column has, in proper text: a name with other bytes has question marks in their place."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a path")
    return text_to_path(value).encode("utf-8", "replace").decode()
