"""The event of a row's last change holds the row's digest, whatever statement changed the row, and whatever fails."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pywats_archive.catalog import entries, events, row_check
from pywats_archive.catalog.binding import noting
from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from pywats_archive.catalog.binding.confirming import Confirming
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Catalog, Connection
from pywats_archive.catalog.row_check import ChainBreak, Difference, History, RowFault
from pywats_archive.catalog.savepoints import each_alone
from pywats_archive.errors import SourceChanged
from pywats_archive.models.event import Event

from . import made

_RUNS = next(table for table in BOUND if table.name == "runs")
_PURGES = next(table for table in BOUND if table.name == "purge_history")
POLICY = (
    "INSERT INTO retention_policies (converter_name, retention_days, max_size_gb, compression_level, enabled, created_at, "
    "updated_at) VALUES ('c', 90, 0.1, 6, 1, '2026', '2026')"
)
RUN = "INSERT INTO runs (created_at, actor, state, request) VALUES ('2026', '{}', 'open', '{{}}')"


def sql(*statements: str) -> Callable[[Connection], None]:
    """Return a unit that runs these statements."""

    def unit(tx: Connection) -> None:
        for statement in statements:
            tx.exec_driver_sql(statement)

    return unit


def then_event(unit: Callable[[Connection], object], error: Exception | None = None) -> Callable[[Connection], None]:
    """Return the unit with an event behind it, and an error behind that."""

    def both(tx: Connection) -> None:
        unit(tx)
        events.append(tx, Event(kind="made.up", at=made.MORNING))
        if error:
            raise error

    return both


def checked(catalog: Catalog) -> list[object]:
    """What differs from the history."""
    with catalog.read() as db:
        return [each for each in row_check.check(db) if not isinstance(each, History)]


def bound(catalog: Catalog) -> list[tuple[str, dict[str, Any]]]:
    """The kind of each event, and what it binds."""
    with catalog.read() as db:
        found = db.exec_driver_sql("SELECT kind, bound_rows FROM events ORDER BY sequence").all()
    return [(kind, json.loads(rows or "{}")) for kind, rows in found]


def test_an_event_binds_what_its_transaction_changed_before_it(catalog: Catalog) -> None:
    """A row that is added, changed or removed is bound by the next event, with the digest that it has then."""
    catalog.write(then_event(sql(RUN.format("a"), RUN.format("b"))))
    catalog.write(
        then_event(sql("UPDATE runs SET state = 'finished' WHERE run_id = 1", "DELETE FROM runs WHERE run_id = 2"))
    )
    (_, first), (_, second) = bound(catalog)
    assert first.keys() == second.keys() == {"runs"}
    assert first["runs"].keys() == {"1", "2"} and second["runs"]["2"] is None
    assert first["runs"]["1"] != second["runs"]["1"]
    assert checked(catalog) == []


def test_what_no_event_of_the_transaction_binds_has_one_of_its_own(catalog: Catalog) -> None:
    """Rows that change without an event, or behind it, are bound by an event at the end of the transaction."""
    catalog.write(sql(RUN.format("a")))

    def unit(tx: Connection) -> None:
        events.append(tx, Event(kind="made.up", at=made.MORNING))
        sql("UPDATE runs SET actor = 'b'")(tx)

    catalog.write(unit)
    assert [(kind, list(rows)) for kind, rows in bound(catalog)] == [
        ("rows", ["runs"]),
        ("made.up", []),
        ("rows", ["runs"]),
    ]
    assert checked(catalog) == []


def test_a_row_under_another_key_is_bound_under_both(catalog: Catalog) -> None:
    """A row that gets another key is gone under the former one."""
    catalog.write(sql(RUN.format("a")))
    catalog.write(sql("UPDATE runs SET run_id = 7"))
    assert bound(catalog)[1][1]["runs"].keys() == {"1", "7"} and bound(catalog)[1][1]["runs"]["1"] is None
    assert checked(catalog) == []


def test_a_row_that_another_one_replaces_is_bound_too(catalog: Catalog) -> None:
    """REPLACE removes rows without a DELETE, here one with the same converter under another number."""
    catalog.write(sql(POLICY))
    catalog.write(
        sql(POLICY.replace("INSERT", "REPLACE").replace("(converter", "(id, converter").replace("('c'", "(7, 'c'"))
    )
    assert bound(catalog)[1][1]["retention_policies"].keys() == {"1", "7"}
    assert checked(catalog) == []


def test_rows_that_triggers_change_are_bound_too(catalog: Catalog) -> None:
    """A report changes its entry's sums: the entry's row is bound again."""
    catalog.write(lambda tx: entries.add(tx, made.entry(1)))
    catalog.write(
        sql(
            "INSERT INTO reports (archive_id, ordinal, report_id, archived_path, checksum, size_bytes, "
            "compressed_size_bytes, submission_state, tries, disk_size_bytes) "
            "SELECT archive_id, 1, 'r', 'p', 'sha256:1', 10, 5, 'WAITING', 0, 4096 FROM archive_entries"
        )
    )
    assert bound(catalog)[-1][1].keys() == {"archive_entries", "reports"}
    assert checked(catalog) == []


def test_a_transaction_that_fails_binds_nothing(catalog: Catalog) -> None:
    """What was rolled back is not in the next transaction's event."""
    with pytest.raises(SourceChanged):
        catalog.write(then_event(sql(RUN.format("a")), SourceChanged("meanwhile")))
    catalog.write(sql(POLICY))
    assert [rows.keys() for _, rows in bound(catalog)] == [{"retention_policies"}]


def test_a_savepoint_that_is_rolled_back_unbinds_no_earlier_row(catalog: Catalog) -> None:
    """An event of a failed unit may have bound the rows of the unit before it: these are bound again."""
    failing = then_event(sql(POLICY), SourceChanged("meanwhile"))
    catalog.write(each_alone([sql(RUN.format("a")), failing], catalog.path))
    assert bound(catalog) == [("rows", {"runs": bound(catalog)[0][1]["runs"]})]
    assert checked(catalog) == []


def test_many_rows_are_bound_by_several_events(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """One event does not grow without bound."""
    monkeypatch.setattr(noting, "AT_ONCE", 10)
    catalog.write(then_event(sql(*(RUN.format(number) for number in range(25)))))
    assert [(kind, len(rows["runs"])) for kind, rows in bound(catalog)] == [("rows", 10), ("rows", 10), ("made.up", 5)]
    assert checked(catalog) == []


def test_a_digest_can_be_computed_without_us(catalog: Catalog) -> None:
    """The digest is what ``docs/format.md`` says: of numbers, text beyond ASCII, bytes, and without NULL."""
    catalog.write(sql(POLICY, "UPDATE retention_policies SET updated_at = 'é\"\n😀', created_at = x'00ff'"))
    with closing(sqlite3.connect(catalog.path)) as raw:
        raw.row_factory = sqlite3.Row
        row = dict(raw.execute("SELECT * FROM retention_policies").fetchone())
    values = {name: {"bytes": v.hex()} if isinstance(v, bytes) else v for name, v in row.items() if v is not None}
    text = "retention_policies\n" + json.dumps(values, sort_keys=True, separators=(",", ":"))
    expected = base64.b64encode(hashlib.sha256(text.encode()).digest()[:24]).decode()
    assert bound(catalog)[0][1] == {"retention_policies": {"1": expected}}


def test_text_that_is_none_can_be_bound_and_compared(catalog: Catalog) -> None:
    """A row of a rebuilt catalog may have text that is no UTF-8; its key may have it too."""
    catalog.write(
        sql(
            RUN.format("a"),
            "UPDATE runs SET actor = CAST(x'ff' AS TEXT)",
            "INSERT INTO configurations VALUES (x'ff', '{}')",
        )
    )
    assert checked(catalog) == []


def test_another_programs_row_is_named_with_its_event(catalog: Catalog) -> None:
    """Altered, removed, put back, added: each is told apart, and named."""
    catalog.write(sql(*(RUN.format(number) for number in range(4)), "DELETE FROM runs WHERE run_id = 4"))
    with closing(sqlite3.connect(catalog.path)) as raw, raw:
        raw.execute("UPDATE runs SET actor = 'me' WHERE run_id = 1")
        raw.execute("DELETE FROM runs WHERE run_id = 2")
        raw.execute("INSERT INTO runs (run_id, created_at, actor, state, request) VALUES (4, '', '', '', '{}')")
        raw.execute("INSERT INTO runs (run_id, created_at, actor, state, request) VALUES (5, '', '', '', '{}')")
    found = [each for each in checked(catalog) if isinstance(each, RowFault)]
    assert [(each.key, each.difference, each.event is not None) for each in found] == [
        ("1", Difference.ALTERED, True),
        ("2", Difference.MISSING, True),
        ("4", Difference.UNRECORDED, True),
        ("5", Difference.UNRECORDED, False),
    ]


def test_what_is_written_meanwhile_is_no_finding(catalog: Catalog) -> None:
    """Events and rows are compared as of one moment."""
    catalog.write(sql(RUN.format("a")))
    catalog.write(sql("DROP TRIGGER events_stay", "UPDATE events SET actor = 'me'"))
    with catalog.read() as db:
        checking = row_check.check(db)
        assert isinstance(next(checking), ChainBreak)  # before any row is read
        catalog.write(sql("UPDATE runs SET actor = 'b'"))
        assert [type(each) for each in checking] == [History]


def test_two_processes_bind_what_each_changed(catalog: Catalog, tmp_path: Path) -> None:
    """The triggers are each connection's own, and the chain is one."""
    other = Catalog.open(catalog.path)
    try:
        for number in range(5):
            catalog.write(sql(RUN.format(number)))
            other.write(sql(f"UPDATE runs SET actor = 'other' WHERE run_id = {number + 1}"))
    finally:
        other.close()
    assert checked(catalog) == [] and len(bound(catalog)) == 10


PURGE = "INSERT INTO purge_history VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ODD = ("", "é", "\x7f", '"\\/', '":null,"', "\x00\x1f\b\t\n\f\r", "\u2028😀", ",}", "null", "-1", "1.0")


JSONB = (f"x'{len(text):x}7{text.encode().hex()}'" for text in ("-1", "null", "1.0", ",}"))
"""Texts as SQLite 3.45 and later store JSON in bytes (sqlite.org/jsonb.html)."""


def purges_recorded(catalog: Catalog) -> None:
    """Fill a table with more than two pages of rows: odd texts, large numbers, and NULL in some."""

    def unit(tx: Connection) -> None:
        for number in range(1, 1201):
            texts = ODD[number % len(ODD)], ODD[number % 7]
            row = (number, *texts, number, 2**62 + number, *texts, texts[0] if number % 3 else None)
            execute(tx, PURGE, row)

    catalog.write(unit)


def test_rows_are_confirmed_by_the_json_of_sqlite(catalog: Catalog) -> None:
    """A check is fast: no sound row of texts and whole numbers needs the exact form, whatever its texts are."""
    purges_recorded(catalog)
    with catalog.read() as db:
        confirming = Confirming(db, _PURGES)
        found = [each for page in confirming.pages() for each in page]
        assert [digest for _, digest in found] == [confirming.exact(key) for key in range(1, 1201)]
    assert checked(catalog) == []


@pytest.mark.parametrize("key", [1, 500, 502, 779, 1199])
@pytest.mark.parametrize(
    "change",
    [
        *(
            f"finished_at = {value}"
            for value in ("NULL", "0", "CAST(reason AS BLOB)", "'null'", "CAST(x'ff' AS TEXT)", "'\"'", *JSONB)
        ),
        *(
            f"bytes_freed = {value}"
            for value in ("bytes_freed + 1", "bytes_freed / 2.0", "bytes_freed || 'x'", "x'00'")
        ),
    ],
)
def test_only_its_own_values_confirm_a_row(catalog: Catalog, key: int, change: str) -> None:
    """A value that another program changes is found, of whatever type and on whatever page it is, and no other row is named."""
    purges_recorded(catalog)
    with closing(sqlite3.connect(catalog.path)) as raw, raw:
        raw.execute(f"UPDATE purge_history SET {change} WHERE id = {key}")
    found = [each for each in checked(catalog) if isinstance(each, RowFault)]
    assert [(each.key, each.difference) for each in found] == [(str(key), Difference.ALTERED)]


@given(
    st.lists(
        st.none()
        | st.text()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.binary(),
        min_size=len(_RUNS.columns),
        max_size=len(_RUNS.columns),
    )
)
@example(["\x7f", "é", '"\\/', "\x00\x1f\b\t\n\f\r", 1])
@example(["\x7f\x80\\", 'é\x7f"\U0001f600\uffff', "…", "\u2028", 1])
@example([1e16, 1e-7, 10.0, b"\x00", None])
def test_each_digest_has_the_documented_form(row: list[Any]) -> None:
    """Whatever a row holds, its digest is that of the JSON that ``docs/format.md`` describes, however that is written."""
    named = zip(_RUNS.columns, row, strict=True)
    values = {name: {"bytes": v.hex()} if isinstance(v, bytes) else v for name, v in named if v is not None}
    text = "runs\n" + json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert RowDigest(_RUNS)(row) == base64.b64encode(hashlib.sha256(text.encode()).digest()[:24]).decode()


@pytest.mark.parametrize("table", BOUND, ids=lambda table: table.name)
def test_columns_have_names_that_orjson_writes(table: BoundTable) -> None:
    """The fast writer of digests takes every name: orjson refuses subclasses of str, such as those of SQLAlchemy."""
    assert json.loads(orjson.dumps(dict.fromkeys(table.columns, "é"))).keys() == set(table.columns)
