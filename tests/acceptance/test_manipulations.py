"""Whatever another program changes in the catalog, with all rights and without its triggers, ``verify`` finds and names."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.filled import ROWS_OF_EVERY_TABLE, fill

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import figures_check, tables
from pywats_archive.catalog.binding.bound import BOUND, NOT_BOUND, BoundTable
from pywats_archive.catalog.engine import Connection
from pywats_archive.errors import NewerFormat
from pywats_archive.integrity.verify import verify
from pywats_archive.models.operation.integrity import Problem, ProblemKind, Thoroughness

CHAIN = Thoroughness(chain=True)
_COLUMNS = [(table, column) for table in BOUND for column in (table.key[0], table.columns[-1])]
"""A key and another value of each table; ``tests/proof`` has all."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with a row in every table."""
    folder = tmp_path_factory.mktemp("filled")
    fill(folder)
    with Archive.open(folder / "archive", own=True) as archive:
        archive.write(lambda tx: [tx.exec_driver_sql(statement) for statement in ROWS_OF_EVERY_TABLE])
    shutil.copy(folder / "archive" / "metadata.db", folder / "sound.db")
    return folder


@pytest.fixture
def root(filled: Path) -> Path:
    """The archive, with its catalog as it was."""
    for leftover in (filled / "archive").glob("metadata.db*"):
        leftover.unlink()
    shutil.copy(filled / "sound.db", filled / "archive" / "metadata.db")
    return filled / "archive"


def sql(root: Path, *statements: str) -> None:
    """Change the catalog with all rights."""
    raw = sqlite3.connect(root / "metadata.db")
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.close()


def problems(root: Path) -> list[Problem]:
    """What ``verify --chain`` finds; that the triggers are gone, which each manipulation below is too, is left out."""
    with Archive.open(root) as archive:
        found = [each.problem for each in verify(archive, CHAIN) if each.problem]
    return [each for each in found if each.kind is not ProblemKind.TRIGGER_ALTERED]


def test_every_table_is_bound_or_has_a_reason() -> None:
    """No table, present or future, is forgotten: its rows are bound, or it is said how a change of them is found."""
    known = {*tables.metadata.tables, "entry_text", "alembic_version"}
    assert {table.name for table in BOUND} | NOT_BOUND.keys() == known
    assert not {table.name for table in BOUND} & NOT_BOUND.keys()


def test_a_sound_archive_is_sound(root: Path) -> None:
    """Without a manipulation nothing is found, the history is said to bind rows, and every table has a row to alter."""
    with Archive.open(root) as archive:
        (checked,) = verify(archive, CHAIN)
        assert checked.problem is None and checked.history and checked.history.bound_from == 1
        with archive.read() as db:
            assert all(db.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar() for table in BOUND)


@pytest.mark.parametrize(("table", "column"), _COLUMNS, ids=[f"{t.name}.{column}" for t, column in _COLUMNS])
def test_each_column_of_each_table_is_covered(root: Path, table: BoundTable, column: str) -> None:
    """A value that another program changes is found, and its row is named with the event of its last change."""
    key = _first_key(root, table)
    where = " AND ".join(f"{name} = {_quoted(value)}" for name, value in zip(table.key, key, strict=True))
    sql(root, f"UPDATE {table.name} SET {column} = {_another(root, table, column, where)} WHERE {where}")
    row = f"row {table.key_text(key)} of {table.name}"
    found = [each for each in problems(root) if f"{row} " in each.message]
    expected = ProblemKind.ROW_MISSING if column in table.key else ProblemKind.ROW_ALTERED
    assert [each.kind for each in found] == [expected]
    assert "event " in found[0].message and "compare with a copy" in found[0].message


@pytest.mark.parametrize("table", BOUND, ids=[table.name for table in BOUND])
def test_a_row_that_is_removed_or_added_is_found(root: Path, table: BoundTable) -> None:
    """Each row that is gone is named, and so is each that no event knows."""
    raw = sqlite3.connect(root / "metadata.db")
    number = raw.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
    names = ", ".join(table.columns)
    copied = ", ".join(_copied(raw, table, name) for name in table.columns)
    raw.close()
    sql(root, f"INSERT INTO {table.name} ({names}) SELECT {copied} FROM {table.name} LIMIT 1")
    assert [each.kind for each in problems(root) if table.name in each.message] == [ProblemKind.ROW_UNRECORDED]
    sql(root, f"DELETE FROM {table.name}")
    gone = [each for each in problems(root) if each.kind in (ProblemKind.ROW_MISSING, ProblemKind.ENTRY_MISSING)]
    assert len(gone) == number


@pytest.mark.parametrize(
    "statement",
    [
        *(f"UPDATE entry_text_content SET c{n} = c{n} || 'x' WHERE id = 1" for n in range(4)),
        "UPDATE entry_text SET serial = '' WHERE rowid = 1",
        "UPDATE entry_text SET error = 'hidden' WHERE rowid = 1",
        "DELETE FROM entry_text WHERE rowid = 1",
    ],
)
def test_an_altered_word_to_search_by_is_found(root: Path, statement: str) -> None:
    """A word that hides an entry from a search, or adds it, is found, and the entry is named."""
    sql(root, statement)
    raw = sqlite3.connect(root / "metadata.db")
    (archive_id,) = raw.execute("SELECT archive_id FROM archive_entries WHERE entry_no = 1").fetchone()
    raw.close()
    found = problems(root)
    assert {each.kind for each in found} == {ProblemKind.TEXT_ALTERED}
    assert found[0].archive_id == archive_id and archive_id in found[0].message


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["INSERT INTO entry_text (rowid, name) VALUES (99, 'more')"], "row 99 of the full-text index"),
        (["DELETE FROM entry_text_data WHERE id > 10"], "does not fit"),
        (["INSERT INTO entry_text_docsize VALUES (98, x'00')"], "does not fit"),
        (["DROP TABLE entry_text"], "is missing"),
        (["DROP TABLE entry_text", "CREATE VIRTUAL TABLE entry_text USING fts5(name)"], "not that of"),
    ],
)
def test_an_altered_index_of_words_is_found(root: Path, statements: list[str], message: str) -> None:
    """An index that would find other entries than its texts say is found."""
    sql(root, *statements)
    found = problems(root)
    assert {each.kind for each in found} == {ProblemKind.TEXT_ALTERED}
    assert any(message in each.message for each in found)


_FIGURES = [column.name for column in tables.entry_figures.columns]


@pytest.mark.parametrize("column", _FIGURES)
def test_sums_are_counted_again(root: Path, column: str) -> None:
    """A sum that is not what its entries give is found, and named by converter, day and status."""
    change = f"{column} = {column} || 'x'" if column in _FIGURES[:3] else f"{column} = {column} + 1"
    sql(root, f"UPDATE entry_figures SET {change} WHERE converter_name = 'S'")
    found = problems(root)
    assert found and {each.kind for each in found} == {ProblemKind.SUM_ALTERED}
    assert "the sums of S" in found[0].message


def test_what_an_event_binds_cannot_be_moved_into_its_details(root: Path) -> None:
    """The hashed text stays the same, and an earlier state of the row would seem to be the last one: the chain is broken."""
    with Archive.open(root, own=True) as archive:
        for result in "FP":
            change = f"UPDATE reports SET result = '{result}' WHERE report_no = 1"
            archive.write(lambda tx, change=change: tx.exec_driver_sql(change))  # type: ignore[misc]
    last = "(SELECT max(sequence) FROM events)"
    moved = f"UPDATE events SET details = details || ',' || bound_rows, bound_rows = NULL WHERE sequence = {last}"
    sql(root, "UPDATE reports SET result = 'F' WHERE report_no = 1", moved)
    assert [each.kind for each in problems(root)] == [ProblemKind.CHAIN_BROKEN]


@pytest.mark.parametrize("which", ["3", "(SELECT max(sequence) FROM events)"], ids=["third", "last"])
@pytest.mark.parametrize(
    "change",
    [
        "actor = CAST(X'ff41' AS TEXT)",
        "details = '[1]'",
        "details = 'no JSON'",
        "at = 'no time'",
        """bound_rows = '{"reports":{"99999999999999999999":"x"}}'""",
        """bound_rows = '{"reports":{"1":{"a":1}}}'""",
    ],
)
def test_an_event_that_cannot_be_read_hides_nothing_else(root: Path, which: str, change: str) -> None:
    """It is named as the break of the chain, and blobs, other rows and anchors are checked all the same."""
    sql(
        root,
        f"UPDATE events SET {change} WHERE sequence = {which}",
        "UPDATE archive_entries SET part_number = 'other' WHERE entry_no = 2",
    )
    with Archive.open(root) as archive:
        found = [each.problem.kind for each in verify(archive, Thoroughness()) if each.problem]
    assert ProblemKind.CHAIN_BROKEN in found and ProblemKind.ROW_ALTERED in found


def test_a_row_with_the_least_number_is_found(root: Path) -> None:
    """Rows are read from the least number on that SQLite can hold."""
    columns = ", ".join(tables.conversions.columns.keys()[2:]).replace("attempt", "attempt + 70")
    sql(root, f"INSERT INTO conversions SELECT -9223372036854775808, archive_id, {columns} FROM conversions LIMIT 1")
    assert [each.kind for each in problems(root)] == [ProblemKind.ROW_UNRECORDED]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entry_figures VALUES ('S', '20990101', 'SUCCESS', '5x', '0x', '0x', '0x', '0x', '0x', '0x', '0x')",
        "INSERT INTO entry_figures VALUES ('S', '20990101', 'SUCCESS', 5.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)",
        "INSERT INTO arrival_figures VALUES ('S', '2099-01-01', 'done', '5x', 1)",
        "UPDATE arrival_figures SET first_arrival = 9999",
        "UPDATE arrival_figures SET first_arrival = 'x'",
    ],
)
def test_a_sum_that_is_no_number_or_leaves_out_an_arrival_is_found(root: Path, statement: str) -> None:
    """SQLite adds '5x' as 5, and counts arrivals from the first one on that a sum names."""
    sql(root, statement)
    assert {each.kind for each in problems(root)} == {ProblemKind.SUM_ALTERED}


def test_sums_that_change_while_they_are_counted_are_no_finding(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums and their count are read as of one moment, whatever a service commits between them."""
    with Archive.open(root, own=True) as archive:
        added = figures_check._added

        def and_meanwhile(db: Connection, query: str) -> dict[tuple[Any, ...], list[Any]]:
            found = added(db, query)
            change = "UPDATE archive_entries SET conversion_status = 'FAILED' WHERE entry_no = 1"
            archive.write(lambda tx: tx.exec_driver_sql(change))
            return found

        monkeypatch.setattr(figures_check, "_added", and_meanwhile)
        with Archive.open(root) as reader:
            assert not [each.problem for each in verify(reader, CHAIN) if each.problem]


def test_another_version_of_the_tables_is_refused(root: Path) -> None:
    """The version is compared at every opening."""
    sql(root, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerFormat):
        Archive.open(root)


def test_a_trigger_that_is_missing_or_of_another_program_is_named(root: Path) -> None:
    """Without its triggers the catalog would no longer keep sums and events as they are."""
    raw = sqlite3.connect(root / "metadata.db")
    raw.execute("DROP TRIGGER events_stay")
    raw.execute("CREATE TRIGGER mine AFTER INSERT ON reports BEGIN UPDATE reports SET result = 'P'; END")
    raw.close()
    with Archive.open(root) as archive:
        found = [each.problem for each in verify(archive, CHAIN) if each.problem]
    assert [each.kind for each in found] == [ProblemKind.TRIGGER_ALTERED] * 2
    assert "'events_stay'" in found[0].message and "'mine'" in found[1].message


def test_a_view_in_the_place_of_a_table_is_named(root: Path) -> None:
    """A view, or a column that is computed, could show people other rows than those that are checked."""
    raw = sqlite3.connect(root / "metadata.db")
    raw.execute("PRAGMA legacy_alter_table = ON")
    raw.execute("ALTER TABLE runs RENAME TO real_runs")
    raw.execute("CREATE VIEW runs AS SELECT * FROM real_runs")
    raw.execute("CREATE VIEW another AS SELECT 1")
    raw.execute("ALTER TABLE findings ADD COLUMN hidden TEXT AS (upper(message))")
    raw.close()
    with Archive.open(root) as archive:
        found = [each.problem for each in verify(archive, CHAIN) if each.problem]
    assert [each.kind for each in found] == [ProblemKind.TABLE_ALTERED] * 3
    assert all(f"'{name}'" in each.message for name, each in zip(["another", "findings", "runs"], found, strict=True))


def _first_key(root: Path, table: BoundTable) -> tuple[Any, ...]:
    raw = sqlite3.connect(root / "metadata.db")
    row: tuple[Any, ...] = raw.execute(f"SELECT {', '.join(table.key)} FROM {table.name} LIMIT 1").fetchone()
    raw.close()
    return row


def _another(root: Path, table: BoundTable, column: str, where: str) -> str:
    raw = sqlite3.connect(root / "metadata.db")
    (value,) = raw.execute(f"SELECT {column} FROM {table.name} WHERE {where}").fetchone()
    raw.close()
    return f"{column} + 1000" if isinstance(value, (int, float)) else "'altered'"


def _copied(raw: sqlite3.Connection, table: BoundTable, name: str) -> str:
    """Return a value for a further row: another one where values must be unique."""
    unique = {"archive_entries": "archive_id", "reports": "archived_path", "retention_policies": "converter_name"}
    if name in table.key or name == unique.get(table.name) or (table.name == "conversions" and name == "attempt"):
        (kind,) = raw.execute(f"SELECT typeof({name}) FROM {table.name} LIMIT 1").fetchone()
        return f"{name} + 1000" if kind == "integer" else f"{name} || 'x'"
    return name


def _quoted(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"
