"""Rewrites the database (VACUUM), so that its pages, free pages and log contain no removed data."""

from __future__ import annotations

from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.engine import Catalog
from pywats_archive.errors import CatalogError


def compact(catalog: Catalog) -> None:
    """Rebuild the full-text index, rewrite every page, and empty the write-ahead log; safe to repeat.

    Needs twice the size of the database meanwhile, on its disk and in the temporary folder; writers wait. CatalogError if
    other programs keep it busy.
    """
    with catalog.read() as db:
        execute(db, "PRAGMA temp_store = FILE")  # else the whole database would be in memory
        try:
            execute(db, "INSERT INTO entry_text(entry_text) VALUES ('rebuild')")  # removed words stay until a merge
            execute(db, "VACUUM")
            (is_busy, *_) = execute(db, "PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            execute(db, "PRAGMA temp_store = MEMORY")
    if is_busy:
        raise CatalogError(
            f"{catalog.path}: another program is reading it, so its write-ahead log cannot be truncated; try again later"
        )
