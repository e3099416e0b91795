"""Why conversions failed, in the catalog of an earlier version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from pywats_archive.catalog import entries, entry_pages, migrations
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.operation.trends import reason_of
from pywats_archive.models.query import EntryFilter

pytestmark = pytest.mark.migrated
_ROWS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
INSERT INTO archive_entries (archive_id, converter_name, source_path, source_kind, source_mtime_ns, source_checksum,
    source_size_bytes, archived_path, compressed_size_bytes, compression_level, conversion_timestamp, conversion_status,
    conversion_error, report_count, retention_until, created_at)
SELECT printf('20260213%09d_a3f2d9', i), 'c', 'a.csv', 'file', 1, 'sha256:00', 1, 'sources/' || i, 1, 6,
    '2026-02-13T14:30:22.123000+00:00', CASE i % 2 WHEN 1 THEN 'FAILED' ELSE 'SKIPPED' END, printf(?, i), 0,
    '2026-05-14', '2026-02-13T14:30:22.123000+00:00' FROM n
"""


@pytest.mark.parametrize("error", ["ValueError: line %d of '/in/é.csv': no  header\tin it", "", None])
def test_failures_of_an_earlier_version_have_their_reasons(tmp_path: Path, error: str | None) -> None:
    """Opened by this version, each entry that failed is found by the reason that its error has now; no other entry is."""
    catalog = Catalog.open(_earlier(tmp_path / "metadata.db", error))
    try:
        with catalog.read() as db:
            first = entries.get(db, "20260213000000001_a3f2d9")
            found = entry_pages.find(db, EntryFilter(failure_reason=reason_of(first.conversion_error or "")), limit=5)
            assert (found.total, found.items[0].archive_id) == (1250, "20260213000002499_a3f2d9")
            assert {entry.conversion_status.value for entry in found.items} == {"FAILED"}
    finally:
        catalog.close()


@pytest.mark.parametrize("damaged", ["CAST(x'fffe4120' AS TEXT)", "x'fffe4120'", "7"])
def test_an_error_that_is_no_text_keeps_no_catalog_from_opening(tmp_path: Path, damaged: str) -> None:
    """A catalog with a damaged row opens as it did before, and the other entries have their reasons."""
    path = _earlier(tmp_path / "metadata.db", "no header")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(f"UPDATE archive_entries SET conversion_error = {damaged} WHERE entry_no = 3")
    catalog = Catalog.open(path)
    try:
        with catalog.read() as connection:
            assert entry_pages.find(connection, EntryFilter(failure_reason="no header"), limit=1).total == 1249
    finally:
        catalog.close()


def _earlier(path: Path, error: str | None) -> Path:
    """Make the catalog of an earlier version; half of its entries failed."""
    raw = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with raw.connect() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0009")
        db.exec_driver_sql(_ROWS, (error,))
    raw.dispose()
    return path
