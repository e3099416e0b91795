"""Rows by the tables' own definition, with statements compiled once: what is written a thousand times a second stays cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator

from pywats_archive.catalog.driver import Transaction

_DIALECT = sqlite.dialect()
_Convert = Callable[[Any], Any]


class Rows:
    """Writes and reads one table's rows as mappings of column names to values."""

    def __init__(self, table: Table, *, key: str) -> None:
        self.names = tuple(column.name for column in table.columns if column.name != key)
        self._to_database = {c.name: _bind(c.type) for c in table.columns}
        self._binds = [(name, self._to_database[name]) for name in self.names]
        self._from_database = [(name, _result(table.columns[name].type)) for name in self.names]
        self._insert = str(table.insert().values(dict.fromkeys(self.names)).compile(dialect=_DIALECT))
        self._update = f"UPDATE {table.name} SET {{}} WHERE {{}} = ?"
        self.select = f"SELECT {', '.join(f'{table.name}.{name}' for name in self.names)} FROM {table.name} "
        """A SELECT of all columns but the key, to which conditions are added."""

    def insert(self, tx: Transaction, values: Mapping[str, Any]) -> int:
        """Add a row; gives its key."""
        row = [bind(values[name]) for name, bind in self._binds]
        number: int = tx.execute(self._insert, row).lastrowid
        return number

    def update(self, tx: Transaction, where: str, key: Any, values: Mapping[str, Any]) -> None:
        """Set columns of the rows whose column ``where`` is ``key``."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        row = (*(self._to_database[name](value) for name, value in values.items()), key)
        tx.execute(self._update.format(assignments, where), row)

    def decode(self, row: Iterable[Any]) -> dict[str, Any]:
        """Turn a row of ``select`` into values."""
        return {name: convert(value) for (name, convert), value in zip(self._from_database, row)}  # noqa: B905 (py310 speed)


def _same(value: Any) -> Any:
    return value


def _bind(kind: Any) -> _Convert:
    if isinstance(kind, TypeDecorator):
        bind = kind.process_bind_param
        return lambda value: None if value is None else bind(value, _DIALECT)
    return _same


def _result(kind: Any) -> _Convert:
    if isinstance(kind, TypeDecorator):
        read = kind.process_result_value
        return lambda value: None if value is None else read(value, _DIALECT)
    return _same
