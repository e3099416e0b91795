"""A migration that cannot end leaves the earlier catalog whole, and says why."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from tests.disk import small_disk

from pywats_archive.catalog import engine, migrations
from pywats_archive.catalog.engine import Catalog
from pywats_archive.errors import CatalogFull

ROWS = 30_000
_ROWS = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
INSERT INTO archive_entries (archive_id, converter_name, source_path, source_kind, source_mtime_ns, source_checksum,
    source_size_bytes, archived_path, compressed_size_bytes, compression_level, conversion_timestamp, conversion_status,
    report_count, retention_until, created_at)
SELECT printf('20260213%09d_a3f2d9', i), 'c', 'a.csv', 'file', 1, 'sha256:00', 1, 'sources/' || i, 1, 6,
    '2026-02-13T14:30:22.123000+00:00', 'SUCCESS', 0, '2026-05-14', '2026-02-13T14:30:22.123000+00:00' FROM n
"""


def make_earlier(path: Path) -> None:
    """Create a catalog as the version before the newest migration made it."""
    raw = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with raw.connect() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0008")
        db.exec_driver_sql(_ROWS)
    raw.dispose()


def state(path: Path) -> tuple[str, int, str]:
    db = sqlite3.connect(path)
    try:
        (version,) = db.execute("SELECT version_num FROM alembic_version").fetchone()
        (entries,) = db.execute("SELECT count(*) FROM archive_entries").fetchone()
        (fault,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    finally:
        db.close()
    return version, entries, fault


@pytest.mark.parametrize("free_bytes", [100_000, 2_000_000])
def test_a_full_disk_is_the_error_and_the_earlier_catalog_is_whole(tmp_path: Path, free_bytes: int) -> None:
    """SQLite has rolled back by itself then; with space, the next opening migrates."""
    with small_disk(tmp_path / "disk", 60) as disk:
        path = disk.mount_point / "metadata.db"
        make_earlier(path)
        disk.fill(leave_bytes=free_bytes)
        with pytest.raises(CatalogFull, match="disk is full"):
            Catalog.open(path)
        assert state(path) == ("0008", ROWS, "ok")
        disk.free()
        Catalog.open(path).close()
        assert state(path) == (engine.HEAD, ROWS, "ok")
