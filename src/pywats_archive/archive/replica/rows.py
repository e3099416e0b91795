"""Reads single rows out of the lines of a segment, for whoever needs a few tables and no catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pywats_archive.catalog import exporting
from pywats_archive.catalog.column_types import text_to_path

OF_A_LINE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""Errors of a line that no archive wrote."""
Row = Mapping[str, Any]


def rows_of(lines: Iterable[bytes], tables: Iterable[str]) -> Iterator[tuple[str, Row]]:
    """Yield the rows of some tables, each with the name of its table; rows that were removed are left out.

    One of ``OF_A_LINE`` if a line of these tables is not one that an archive writes.
    """
    begins = tuple(f'{{"table":"{name}"'.encode() for name in tables)
    for line in lines:
        if line.startswith(begins):  # most lines are of other tables, and are not parsed
            table, key, row = exporting.read_line(line)
            exporting.require_key(table, key, row)
            if row is not None:
                yield table, row


def path_of(value: Any) -> str:
    """Return the path that a column has, in proper text: a name with other bytes has question marks in their place."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a path")
    return text_to_path(value).encode("utf-8", "replace").decode()
