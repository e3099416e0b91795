"""The rows of a catalog whose version did not bind them are bound once, as they are found."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from pywats_archive.catalog import events, migrations, row_check
from pywats_archive.catalog.copying import examine
from pywats_archive.catalog.engine import Catalog
from pywats_archive.catalog.row_check import History, RowFault

pytestmark = pytest.mark.migrated
_AT = "2026-02-13T14:30:22.123000+00:00"
_ENTRIES = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
INSERT INTO archive_entries (archive_id, converter_name, source_path, source_kind, source_mtime_ns, source_checksum,
    source_size_bytes, archived_path, compressed_size_bytes, compression_level, conversion_timestamp, conversion_status,
    report_count, retention_until, created_at)
SELECT printf('20260213%09d_a3f2d9', i), 'c', 'a.csv', 'file', 1, 'sha256:00', 1, 'sources/' || i, 1, 6,
    '{_AT}', 'SKIPPED', 0, '2026-05-14', '{_AT}' FROM n
"""


def test_rows_of_an_earlier_version_are_bound_as_they_are_found(tmp_path: Path) -> None:
    """Opened by this version, the chain goes on, each row is bound by a thousand an event, and nothing is found."""
    path = _earlier(tmp_path / "metadata.db")
    for _ in range(2):  # once only
        catalog = Catalog.open(path)
        with catalog.read() as db:
            found = list(row_check.check(db))
            kinds = [event.kind for event in events.iterate(db)]
        catalog.close()
        assert kinds == ["made.up", *["rows.bound"] * 4]
        assert found == [History(events=5, bound_from=2)]


def test_an_altered_row_of_an_earlier_version_is_named(tmp_path: Path) -> None:
    """From then on, a change by another program is found."""
    path = _earlier(tmp_path / "metadata.db")
    Catalog.open(path).close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE archive_entries SET source_path = 'b.csv' WHERE entry_no = 1500")
    catalog = Catalog.open(path)
    with catalog.read() as db:
        (fault,) = (each for each in row_check.check(db) if isinstance(each, RowFault))
    catalog.close()
    assert (fault.key, fault.event and fault.event.kind) == ("1500", "rows.bound")


def test_a_copy_of_an_earlier_version_is_sound(tmp_path: Path) -> None:
    """Its chain is followed without the digests that it does not have."""
    state = examine(_earlier(tmp_path / "metadata.db"))
    assert (state.version, state.entries, state.last_sequence) == ("0010", 2500, 1)


def _earlier(path: Path) -> Path:
    """Make a catalog of version 0010 with an event, whose hash has the form of that version, and rows of two tables."""
    engine, config = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT"), Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
    engine.dispose()
    text = json.dumps([1, "made.up", _AT, None, "service"], separators=(",", ":"))[:-1] + ",{}]"
    chained = hashlib.sha256(f"{'0' * 64}\n{text}".encode()).hexdigest()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(_ENTRIES)
        raw.execute("INSERT INTO runs (created_at, actor, state, request) VALUES ('2026', 'q', 'done', '{}')")
        raw.execute(
            "INSERT INTO events VALUES (1, 'made.up', ?, NULL, 'service', '{}', ?, ?)", (_AT, "0" * 64, chained)
        )
    return path
