"""Rows according to the table definitions, with statements written once, so that a thousand a second are cheap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Table

from pywats_archive.catalog.column_types import Written
from pywats_archive.catalog.driver import execute, rows

Made = TypeVar("Made")
_Convert = Callable[[Any], Any]
_STORED_AS: dict[type, tuple[type, ...]] = {bool: (int,), float: (float, int)}
"""The types in which SQLite returns a value, if they differ."""


def names_in(db: Connection, table: Table) -> tuple[str, ...]:
    """Return the converter names in a table, in order; each costs one lookup in an index that begins with them."""
    names: list[str] = []
    following, last = f"SELECT min(converter_name) FROM {table.name} WHERE converter_name > CAST(? AS TEXT)", ""
    while (found := rows(db, following, (last,))[0][0]) is not None and found != last:
        if isinstance(found, str):  # another type cannot be a converter's name
            names.append(found)
        last = found
    return tuple(names)


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """An invalid row, in place of its value."""

    key: Any
    """Its key as it is stored; usually text."""
    fault: str
    """Which row, and what is wrong with it."""


def sound_or_bad(found: Iterable[Any], make: Callable[[Any], Made], *, label: str) -> Iterator[Made | BadRow]:
    """Stream what ``make`` returns for each row, or why it failed; ``label`` names a row by its first column."""
    for row in found:
        try:
            yield make(row)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            yield BadRow(key=row[0], fault=f"{label.format(row[0])} is invalid ({' '.join(str(exc).split())[:200]})")


class Rows:
    """Writes and reads one table's rows as mappings of column names to values."""

    def __init__(
        self, table: Table, *, key: str, apart: Collection[str] = (), computed: Mapping[str, str] | None = None
    ) -> None:
        """``apart`` names columns that are neither written nor read here.

        ``computed``: by column, the SQL of its value; ``?`` is the given value in it, and ``?1`` that of the first column.
        """
        self.names = tuple(column.name for column in table.columns if column.name not in (key, *apart))
        types = {column.name: column.type for column in table.columns}
        written = [(n, kind) for n, name in enumerate(self.names) if isinstance(kind := types[name], Written)]
        self._to_text: list[tuple[int, _Convert]] = [(n, type(kind).to_text) for n, kind in written]
        self._from_text: list[tuple[int, _Convert]] = [(n, type(kind).from_text) for n, kind in written]
        self._writers = {self.names[n]: convert for n, convert in self._to_text}
        plain = (
            (n, types[name].python_type) for n, name in enumerate(self.names) if not isinstance(types[name], Written)
        )
        self._plain = [(n, _STORED_AS.get(kind, (kind,))) for n, kind in plain]
        places = ", ".join((computed or {}).get(name, "?") for name in self.names)
        self._insert = f"INSERT INTO {table.name} ({', '.join(self.names)}) VALUES ({places})"
        self._update = f"UPDATE {table.name} SET {{}} WHERE {{}} = ?"
        self.columns = ", ".join(f"{table.name}.{name}" for name in self.names)
        """Their names, as SQL."""
        self.select = f"SELECT {self.columns} FROM {table.name} "
        """A SELECT of all columns but the key, for conditions to be added."""

    def insert(self, tx: Connection, values: Mapping[str, Any]) -> int:
        """Add a row; returns its key."""
        row = [values[name] for name in self.names]
        _convert(row, self._to_text)
        number = execute(tx, self._insert, row).lastrowid
        assert number is not None
        return number

    def update(
        self, tx: Connection, where: str, key: Any, values: Mapping[str, Any], *, added: Mapping[str, int] | None = None
    ) -> int:
        """Set columns of the rows whose column ``where`` is ``key``, and add to others; returns the number of rows."""
        assignments = ", ".join(
            [*(f"{name} = ?" for name in values), *(f"{name} = {name} + ?" for name in added or ())]
        )
        row = [self._written(name, value) for name, value in values.items()] + list((added or {}).values())
        return execute(tx, self._update.format(assignments, where), [*row, key]).rowcount

    def decode(self, row: Iterable[Any]) -> dict[str, Any]:
        """Return the values of a row of ``select``; ValueError, or another error of a value, if one is invalid."""
        values = list(row)
        for n, kinds in self._plain:
            if values[n] is not None and type(values[n]) not in kinds:
                raise ValueError(f"{self.names[n]} is {values[n]!r}")
        _convert(values, self._from_text)
        return dict(zip(self.names, values, strict=True))

    def _written(self, name: str, value: Any) -> Any:
        convert = self._writers.get(name)
        return convert(value) if convert and value is not None else value


def _convert(row: list[Any], conversions: list[tuple[int, _Convert]]) -> None:
    for n, convert in conversions:
        if row[n] is not None:
            row[n] = convert(row[n])
