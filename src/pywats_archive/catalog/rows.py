"""Rows by the tables' own definition, with statements compiled once, so that a thousand a second stay cheap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table

from pywats_archive.catalog.columns import Written
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.tables import DIALECT

_Convert = Callable[[Any], Any]


def names_in(db: Connection, table: Table) -> tuple[str, ...]:
    """Give the converter names in a table, in order; each costs one look into an index that begins with them."""
    names: list[str] = []
    following = f"SELECT min(converter_name) FROM {table.name} WHERE converter_name > ?"
    while (found := execute(db, following, (names[-1] if names else "",)).fetchone()[0]) is not None:
        names.append(str(found))
    return tuple(names)


class Rows:
    """Writes and reads one table's rows as mappings of column names to values."""

    def __init__(self, table: Table, *, key: str, apart: Collection[str] = ()) -> None:
        """``apart`` names columns that are neither written nor read here."""
        self.names = tuple(column.name for column in table.columns if column.name not in (key, *apart))
        types = {column.name: column.type for column in table.columns}
        written = [(n, kind) for n, name in enumerate(self.names) if isinstance(kind := types[name], Written)]
        self._to_text: list[tuple[int, _Convert]] = [(n, type(kind).to_text) for n, kind in written]
        self._from_text: list[tuple[int, _Convert]] = [(n, type(kind).from_text) for n, kind in written]
        self._writers = {self.names[n]: convert for n, convert in self._to_text}
        self._insert = str(table.insert().values(dict.fromkeys(self.names)).compile(dialect=DIALECT))
        self._update = f"UPDATE {table.name} SET {{}} WHERE {{}} = ?"
        self.select = f"SELECT {', '.join(f'{table.name}.{name}' for name in self.names)} FROM {table.name} "
        """A SELECT of all columns but the key, to which conditions are added."""

    def insert(self, tx: Connection, values: Mapping[str, Any]) -> int:
        """Add a row; gives its key."""
        row = [values[name] for name in self.names]
        _convert(row, self._to_text)
        number = execute(tx, self._insert, row).lastrowid
        assert number is not None
        return number

    def update(
        self, tx: Connection, where: str, key: Any, values: Mapping[str, Any], *, added: Mapping[str, int] | None = None
    ) -> int:
        """Set columns of the rows whose column ``where`` is ``key``, and add to others; gives how many rows those are."""
        assignments = ", ".join(
            [*(f"{name} = ?" for name in values), *(f"{name} = {name} + ?" for name in added or ())]
        )
        row = [self._written(name, value) for name, value in values.items()] + list((added or {}).values())
        return execute(tx, self._update.format(assignments, where), [*row, key]).rowcount

    def decode(self, row: Iterable[Any]) -> dict[str, Any]:
        """Turn a row of ``select`` into values."""
        values = list(row)
        _convert(values, self._from_text)
        return dict(zip(self.names, values, strict=True))

    def _written(self, name: str, value: Any) -> Any:
        convert = self._writers.get(name)
        return convert(value) if convert and value is not None else value


def _convert(row: list[Any], conversions: list[tuple[int, _Convert]]) -> None:
    for n, convert in conversions:
        if row[n] is not None:
            row[n] = convert(row[n])
