"""The tables that are bound to the history, and the keys by which events name their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import Any

from sqlalchemy import Integer, Numeric, Table

from pywats_archive.catalog import tables
from pywats_archive.catalog.column_types import json_to_text

NOT_BOUND: Mapping[str, str] = {
    "events": "is the history itself, and has the hash chain",
    "entry_figures": "holds sums over entries, which are counted again",
    "arrival_figures": "holds sums over finished arrivals, which are counted again",
    "entry_text": "holds words to search by, which are compared with the entries and their reports",
    "vault_segments": "holds copies of what the vault says, which is asked again before anything depends on it",
    "vault_absent": "holds what the segments in the vault say they left out",
    "vault_large": "holds what the vault has beside its segments, which is asked again before anything depends on it",
    "vault_damage": "holds what checks of the vault found, which is checked again before anything is repaired",
    "alembic_version": "holds the version of the tables, which every opening compares",
}
"""The tables whose rows no event has a digest of, and how a change is found instead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundTable:
    """A table whose rows are bound."""

    name: str
    key: tuple[str, ...]
    """The columns that name a row."""
    columns: tuple[str, ...]
    """All columns, sorted; each is a plain ``str``, since orjson refuses subclasses as keys."""
    select: str
    """A SELECT of all columns of one row by its key."""
    has_number: bool
    """Whether the key is one integer."""
    has_fractions: bool
    """Whether a column is for numbers that need not be whole."""

    def key_text(self, key: Sequence[Any]) -> str:
        """Write a key as events have it: one value as it is, several ones, or bytes, as JSON."""
        if len(key) == 1 and isinstance(key[0], (int, str)):
            return str(key[0])
        return json_to_text([{"bytes": each.hex()} if isinstance(each, bytes) else each for each in key])

    def key_json(self, key: Sequence[Any]) -> str:
        """Write a key as the name of a member of a JSON object."""
        return f'"{key[0]}"' if self.has_number else encode_basestring_ascii(self.key_text(key))


def _bound(table: Table) -> BoundTable:
    key = tuple(str(column.name) for column in table.primary_key.columns)
    columns = tuple(sorted(str(column.name) for column in table.columns))
    where = " AND ".join(f"{name} = ?" for name in key)
    return BoundTable(
        name=table.name,
        key=key,
        columns=columns,
        select=f"SELECT {', '.join(columns)} FROM {table.name} WHERE {where}",
        has_number=len(key) == 1 and isinstance(table.primary_key.columns[0].type, Integer),
        has_fractions=any(isinstance(column.type, Numeric) for column in table.columns),
    )


BOUND = tuple(_bound(table) for name, table in sorted(tables.metadata.tables.items()) if name not in NOT_BOUND)
"""Every other table."""
