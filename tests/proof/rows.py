"""Rows of the catalog that another program changes, adds or removes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pywats_archive.catalog import tables
from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from tests.proof.case import Case, K, Kinds, case, refused
from tests.proof.place import Place, bound_and_chained, sql

_ENTRY = "(SELECT archive_id FROM archive_entries WHERE entry_no = 1)"
_SUM, _TEXT = K.SUM_ALTERED, K.TEXT_ALTERED
_COUNTED = (
    "archive_id all_reports all_reports_compressed_bytes all_reports_size_bytes compressed_size_bytes conversion_status "
    "converter_name disk_size_bytes purged_at source_size_bytes warnings"
)
_SEARCHED = "entry_no conversion_error source_path warnings"
_ALSO_BY_SUMS = {*(("archive_entries", name) for name in _COUNTED.split())}
_ALSO_BY_SUMS |= {("arrivals", name) for name in ("converter_name", "first_seen_at", "state")}
_ALSO_BY_WORDS = {("archive_entries", name) for name in _SEARCHED.split()}
_ADDED: dict[str, Kinds] = {"archive_entries": (_SUM, _TEXT), "arrivals": (_SUM,)}
"""What else a further row is found by."""
_EMPTIED: dict[str, Kinds] = {
    "archive_entries": (K.ENTRY_MISSING, _SUM, _TEXT),
    "arrivals": (_SUM,),
    "reports": (_TEXT,),
}
"""What else a table without rows is found by."""
_UNIQUE = {"archive_entries": "archive_id", "reports": "archived_path", "retention_policies": "converter_name"}
_FREE = {"archive_entries": "part_number", "arrivals": "reason", "conversions": "error"}
"""A value that no sum and no index of words has."""
_WITHOUT_TRACE = (
    *(
        f"DELETE FROM {name} WHERE archive_id = {_ENTRY}"
        for name in ("arrivals", "run_items", "conversions", "reports")
    ),
    "DELETE FROM entry_text WHERE rowid = 1",
    "DELETE FROM archive_entries WHERE entry_no = 1",
)
PASSED = ("UPDATE reports SET result = 'P'", "UPDATE archive_entries SET result = 'PASSED'")


def each_value() -> Iterator[Case]:
    """Yield a case for each column of each table whose rows are bound."""
    for table in BOUND:
        for column in table.columns:
            kinds: Kinds = (K.ROW_MISSING, K.ROW_UNRECORDED) if column in table.key else (K.ROW_ALTERED,)
            kinds += (_SUM,) * ((table.name, column) in _ALSO_BY_SUMS) + (_TEXT,) * (
                (table.name, column) in _ALSO_BY_WORDS
            )
            yield case(f"a value of `{table.name}` changed", _changed(table, column), *kinds, part=f"`{column}`")


def each_table() -> Iterator[Case]:
    """Yield the cases of whole rows of each table."""
    for table in BOUND:
        also = _ADDED.get(table.name, ())
        yield case("a row added", _added(table), K.ROW_UNRECORDED, *also, part=f"`{table.name}`")
    for table in BOUND:
        also = _EMPTIED.get(table.name, ())
        yield case("all rows removed", sql(f"DELETE FROM {table.name}"), K.ROW_MISSING, *also, part=f"`{table.name}`")


def hidden() -> Iterator[Case]:
    """Yield what somebody would want to hide."""
    yield case("a failed result changed to passed", sql(*PASSED), K.ROW_ALTERED)
    yield case(
        "a hold released",
        sql("UPDATE archive_entries SET hold_reason = NULL, held_by = NULL, held_at = NULL"),
        K.ROW_ALTERED,
    )
    yield case(
        "a waiting report marked as accepted",
        sql("UPDATE reports SET submission_state = 'ACCEPTED', accepted_at = '2026-02-13T10:00:00.000000+00:00'"),
        K.ROW_ALTERED,
    )
    yield case("a conversion removed", sql("DELETE FROM conversions WHERE conversion_id = 1"), K.ROW_MISSING)
    yield case("an arrival removed", sql("DELETE FROM arrivals WHERE arrival_id = 1"), K.ROW_MISSING, K.SUM_ALTERED)
    yield case("a policy changed", sql("UPDATE retention_policies SET retention_days = 1"), K.ROW_ALTERED)
    yield case("a policy removed", sql("DELETE FROM retention_policies"), K.ROW_MISSING)
    yield case("the record of a purge removed", sql("DELETE FROM purge_history"), K.ROW_MISSING)
    gone = (K.ROW_MISSING, K.ENTRY_MISSING, K.SUM_ALTERED)
    yield case("all rows of an entry removed", sql(*_WITHOUT_TRACE), *gone)


def sums_and_words() -> Iterator[Case]:
    """Yield the cases of what is computed again instead of being bound."""
    for name in ("entry_figures", "arrival_figures"):
        for column in (each.name for each in tables.metadata.tables[name].columns):
            text = column in {"converter_name", "day", "status", "state"}
            change = f"{column} = {column} || 'x'" if text else f"{column} = {column} + 1"
            act = sql(f"UPDATE {name} SET {change}")
            yield case(f"a sum of `{name}` changed", act, K.SUM_ALTERED, part=f"`{column}`")
    words = ("name", "serial", "part", "error")
    for number, word in enumerate(words):
        act = sql(f"UPDATE entry_text_content SET c{number} = c{number} || 'x' WHERE id = 1")
        yield case("a text of the full-text index changed", act, K.TEXT_ALTERED, part=f"`{word}`")
    yield case("a word hidden from a search", sql("DELETE FROM entry_text_data WHERE id > 10"), K.TEXT_ALTERED)
    yield case("an entry hidden from a search", sql("DELETE FROM entry_text WHERE rowid = 1"), K.TEXT_ALTERED)
    yield case("the full-text index removed", sql("DROP TABLE entry_text"), K.TEXT_ALTERED)


def schema() -> Iterator[Case]:
    """Yield the cases of the tables themselves."""
    yield case("a trigger removed", _raw("DROP TRIGGER events_stay"), K.TRIGGER_ALTERED)
    added = "CREATE TRIGGER mine AFTER INSERT ON reports BEGIN UPDATE reports SET result = 'P'; END"
    yield case("a trigger added", _raw(added), K.TRIGGER_ALTERED)
    view = ("ALTER TABLE runs RENAME TO real_runs", "CREATE VIEW runs AS SELECT * FROM real_runs")
    yield case("a view in the place of a table", _raw("PRAGMA legacy_alter_table = ON", *view), K.TABLE_ALTERED)
    column = "ALTER TABLE findings ADD COLUMN hidden TEXT AS (upper(message))"
    yield case("a computed column added", _raw(column), K.TABLE_ALTERED)
    yield refused("the version of the tables changed", sql("UPDATE alembic_version SET version_num = '9999'"))


def recomputed() -> Iterator[Case]:
    """Yield a change in each table whose digest is put into the history, with the chain recomputed."""
    for table in BOUND:
        column = _FREE.get(table.name) or next(name for name in table.columns if name not in table.key)
        yield case(
            "a value changed, its digest put into the history, and the chain recomputed",
            _changed(table, column, bound_and_chained),
            also=(K.HISTORY_ALTERED,),
            part=f"`{table.name}`",
        )


def _changed(
    table: BoundTable, column: str, manipulation: Callable[..., Callable[[Place], None]] = sql
) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        with place.catalog() as db:
            key = db.execute(f"SELECT {', '.join(table.key)} FROM {table.name} LIMIT 1").fetchone()
            where = " AND ".join(f"{name} = {_quoted(value)}" for name, value in zip(table.key, key, strict=True))
            (value,) = db.execute(f"SELECT {column} FROM {table.name} WHERE {where}").fetchone()
        other = f"{column} + 1000" if isinstance(value, (int, float)) else "'altered'"
        manipulation(f"UPDATE {table.name} SET {column} = {other} WHERE {where}")(place)

    return act


def _added(table: BoundTable) -> Callable[[Place], None]:
    def act(place: Place) -> None:
        with place.catalog() as db:
            kinds = ", ".join(f"typeof({name})" for name in table.columns)
            types = dict(zip(table.columns, db.execute(f"SELECT {kinds} FROM {table.name}").fetchone(), strict=True))
            copied = ", ".join(_another(table, name, types[name]) for name in table.columns)
            names = ", ".join(table.columns)
            db.execute(f"INSERT INTO {table.name} ({names}) SELECT {copied} FROM {table.name} LIMIT 1")

    return act


def _another(table: BoundTable, name: str, kind: str) -> str:
    """Return a value for a further row: another one where values must be unique."""
    if name in table.key or name == _UNIQUE.get(table.name) or (table.name == "conversions" and name == "attempt"):
        return f"{name} + 1000" if kind == "integer" else f"{name} || 'x'"
    return name


def _raw(*statements: str) -> Callable[[Place], None]:
    """Return the manipulation that runs statements and leaves the triggers as they are."""

    def act(place: Place) -> None:
        place.raw(*statements)

    return act


def _quoted(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"
