"""Sources that the service moved out of a watch folder: where they lie, and which entries they are."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import json_to_text, path_to_text, text_to_path
from pywats_archive.catalog.driver import execute


def entries_moved_to(db: Connection, paths: Collection[str]) -> dict[str, str]:
    """Return the ids of the entries whose sources were moved to these paths, by path; reads all arrivals once."""
    where = (
        "SELECT moved_to, archive_id FROM arrivals WHERE archive_id IS NOT NULL "
        "AND moved_to IN (SELECT value FROM json_each(?)) ORDER BY arrival_id"
    )
    asked = json_to_text([path_to_text(path) for path in paths])
    return {text_to_path(path): archive_id for path, archive_id in execute(db, where, (asked,))}
