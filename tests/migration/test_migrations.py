from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from tests import new_catalogs

from pywats_archive.catalog import arrivals, engine, entries, migrations, statistics, tables
from pywats_archive.catalog.engine import Catalog

pytestmark = pytest.mark.migrated


def test_migrations_make_the_tables_in_code(tmp_path: Path) -> None:
    """Migrated from empty, the database has exactly the tables, columns, keys and indexes that the code has."""
    catalog = Catalog.open(tmp_path / "metadata.db")
    try:
        with catalog.read() as db:
            options = {"compare_type": True, "include_name": _is_ours}
            context = MigrationContext.configure(db, opts=options)
            assert compare_metadata(context, tables.metadata) == []
    finally:
        catalog.close()


def test_new_catalogs_of_other_tests_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests get for a new catalog has the tables, indexes, triggers and version that the migrations make."""
    Catalog.open(tmp_path / "migrated.db").close()
    monkeypatch.setattr(migrations, "upgrade", new_catalogs.upgrade)
    for name in ("recorded.db", "replayed.db"):
        Catalog.open(tmp_path / name).close()
        assert _content(tmp_path / name) == _content(tmp_path / "migrated.db"), name


def test_a_catalog_that_another_process_has_begun_is_brought_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test's process that comes second to a new catalog leaves what is in it."""
    Catalog.open(tmp_path / "first.db").close()
    catalog = Catalog.open(tmp_path / "metadata.db")
    try:
        catalog.write(lambda tx: tx.exec_driver_sql("INSERT INTO configurations VALUES ('f', '{}')"))
        new_catalogs.upgrade(catalog._writing)
        new_catalogs._replay(catalog._writing)
        with catalog.read() as db:
            assert db.exec_driver_sql("SELECT count(*) FROM configurations").scalar() == 1
    finally:
        catalog.close()


def test_the_comparison_sees_a_missing_column(tmp_path: Path) -> None:
    """The comparison above is not blind: a column that is only in the code is seen."""
    catalog = Catalog.open(tmp_path / "metadata.db")
    try:
        catalog.write(lambda tx: tx.exec_driver_sql("ALTER TABLE runs DROP COLUMN actor"))
        with catalog.read() as db:
            context = MigrationContext.configure(db, opts={"include_name": _is_ours})
            assert [change[0] for change in compare_metadata(context, tables.metadata)] == ["add_column"]
    finally:
        catalog.close()


def test_there_is_one_head_and_the_engine_knows_it() -> None:
    """The migrations are one line, whose end the engine takes for up to date."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [engine.HEAD]


def test_collations_and_text_index_are_there(tmp_path: Path) -> None:
    """What Alembic cannot compare: serial numbers without regard to case, the text index, the guards of events."""
    path = tmp_path / "metadata.db"
    Catalog.open(path).close()
    raw = sqlite3.connect(path)
    made = dict(raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    raw.close()
    assert made["reports"].count("NOCASE") == 2
    assert "fts5(name, serial, part, error" in made["entry_text"]
    assert {"events_stay", "events_are_kept"} <= made.keys()


def test_an_earlier_catalog_keeps_its_rows(tmp_path: Path) -> None:
    """Opened by this version, the tables of the first one are the newest, and what was in them is there."""
    path = tmp_path / "metadata.db"
    raw = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with raw.connect() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.exec_driver_sql(
            "INSERT INTO archive_entries (archive_id, converter_name, source_path, source_kind, source_mtime_ns, "
            "source_checksum, source_size_bytes, archived_path, compressed_size_bytes, compression_level, "
            "conversion_timestamp, conversion_status, report_count, retention_until, created_at) VALUES "
            "('20260213143022123_a3f2d9', 'c', 'a.csv', 'file', 1, 'sha256:00', 1, 'sources/x', 1, 6, "
            "'2026-02-13T14:30:22.123000+00:00', 'SUCCESS', 0, '2026-05-14', '2026-02-13T14:30:22.123000+00:00')"
        )
    raw.dispose()
    catalog = Catalog.open(path)
    try:
        with catalog.read() as db:
            entry = entries.get(db, "20260213143022123_a3f2d9")
            assert (entry.source_original_path, entry.verified_at) == ("a.csv", None)
            assert db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == engine.HEAD
            assert entry.disk_size_bytes == 4096
            figures = statistics.statistics(db, "c", now=datetime(2026, 2, 14, tzinfo=timezone.utc))
            assert (figures.by_status, figures.disk_size_bytes, figures.by_day[0].entries) == ({"SUCCESS": 1}, 4096, 1)
    finally:
        catalog.close()


def test_what_stayed_in_a_watch_folder_is_known_again_by_its_checksum(tmp_path: Path) -> None:
    """Sources that an earlier version left in their folders are not sent again because their time or folder changes."""
    path = tmp_path / "metadata.db"
    raw = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with raw.connect() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0003")
        db.exec_driver_sql(
            "INSERT INTO archive_entries (archive_id, converter_name, source_path, source_kind, source_mtime_ns, "
            "source_checksum, source_size_bytes, archived_path, compressed_size_bytes, compression_level, "
            "conversion_timestamp, conversion_status, report_count, retention_until, created_at) VALUES "
            "('20260213143022123_a3f2d9', 'c', 'a.csv', 'file', 1, 'sha256:00', 1, 'sources/x', 1, 6, "
            "'2026-02-13T14:30:22.123000+00:00', 'SUCCESS', 0, '2026-05-14', '2026-02-13T14:30:22.123000+00:00')"
        )
        for state, moved_to in (("done", None), ("done", "/Done/a.csv"), ("converting", None)):
            db.exec_driver_sql(
                "INSERT INTO arrivals (converter_name, path, size_bytes, mtime_ns, first_seen_at, state, changed_at, "
                "archive_id, attempts, moved_to) VALUES ('c', '/w/a.csv', 1, 1, '2026-02-13T14:30:22.123000+00:00', "
                "?, '2026-02-13T14:30:22.123000+00:00', '20260213143022123_a3f2d9', 0, ?)",
                (state, moved_to),
            )
    raw.dispose()
    catalog = Catalog.open(path)
    try:
        with catalog.read() as db:
            known = [(a.kept_checksum, a.inode, a.ctime_ns) for a in arrivals.at_path(db, "/w/a.csv")]
            assert known == [(None, None, None), (None, None, None), ("sha256:00", None, None)]
    finally:
        catalog.close()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """A database that is up to date is opened as it is, without Alembic."""
    path = tmp_path / "metadata.db"
    Catalog.open(path).close()
    before = path.read_bytes()
    Catalog.open(path).close()
    assert path.read_bytes() == before


def _content(path: Path) -> list[str]:
    raw = sqlite3.connect(path)
    lines = [*raw.iterdump(), *map(str, raw.execute("PRAGMA auto_vacuum"))]
    raw.close()
    return lines


def _is_ours(name: str | None, kind: str, parents: object) -> bool:
    return not (kind == "table" and (name or "").startswith(("entry_text", "alembic_version")))
