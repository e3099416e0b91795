"""A row is exported under the key of its row, whatever text or bytes that is, and read under no other one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pywats_archive.catalog import exporting
from pywats_archive.catalog.binding.bound import BoundTable
from pywats_archive.catalog.driver import storable

_VALUES = st.one_of(st.text(), st.binary(), st.integers(), st.just("a\udce9b"), st.none())


@given(st.sampled_from([table for table in exporting.TABLES.values() if not table.has_number]), st.data())
def test_every_key_that_events_have_is_accepted(table: BoundTable, data: st.DataObject) -> None:
    """Also one with lone surrogates, which a row has as the database stores them."""
    key = [data.draw(_VALUES) for _ in table.key]
    row = {
        name: storable(value) if isinstance(value, str) else value for name, value in zip(table.key, key, strict=True)
    }
    stored = {name: value for name, value in row.items() if value is not None}
    if stored:
        exporting.require_key(table.name, table.key_text(key), stored)


@given(st.dictionaries(st.text(), _VALUES.filter(lambda value: value is not None and not _is_large(value)), min_size=1))
def test_a_line_is_read_as_it_was_written(row: dict[str, Any]) -> None:
    """Also one with lone surrogates, and with bytes."""
    written = {name: {"bytes": value.hex()} if isinstance(value, bytes) else value for name, value in row.items()}
    line = json.dumps({"table": "events", "key": "1", "row": written}).encode("ascii")
    assert exporting.read_line(line) == ("events", "1", row)


def _is_large(value: Any) -> bool:
    return isinstance(value, int) and not -(2**63) <= value < 2**63  # no column of SQLite holds it


@pytest.mark.parametrize(
    ("table", "key", "row"),
    [
        ("archive_entries", "1", {"entry_no": 2}),
        ("archive_entries", "01", {"entry_no": "01"}),
        ("run_items", '["r","a"]', {"run_id": "r", "archive_id": "b"}),
        ("run_items", "r", {"run_id": "r", "archive_id": "b"}),
        ("findings", "a", {"path": "b"}),
        ("events", "1", {"sequence": 2}),
        ("vault_segments", "1", {"first": 1}),
    ],
)
def test_another_key_or_table_is_refused(table: str, key: str, row: dict[str, Any]) -> None:
    """Its row would take the place of another one."""
    with pytest.raises(ValueError, match="it has"):
        exporting.require_key(table, key, row)
