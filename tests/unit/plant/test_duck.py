"""DuckDB in little memory."""

from __future__ import annotations

from pathlib import Path

from pywats_archive.plant.duck import connected, copied, rows, text_sql

_LITTLE = {"memory_limit": "30MB", "threads": "1"}


def test_a_file_that_needs_more_memory_gets_it(tmp_path: Path) -> None:
    """A list is in memory as a whole; the file is written all the same, and complete."""
    path = text_sql(str(tmp_path / "made.parquet"))
    with connected(tmp_path / "work", tmp_path, settings=_LITTLE) as db:
        assert copied(db, f"COPY (SELECT list(range) AS listed FROM range(4000000)) TO {path}") == 1
        assert rows(db, f"SELECT len(listed) FROM {path}") == [(4_000_000,)]
