"""The files of a day that are stored alone: a file that comes again that day gets one more name of the same blob."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from pywats_archive.catalog.columns import path_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.models.stored import Mark, Stored

_FIND = (
    "SELECT checksum, archived_path FROM stored_files WHERE day = ? AND name = ? AND size_bytes = ? AND mtime_ns = ?"
)
_PUT = "REPLACE INTO stored_files (day, name, size_bytes, mtime_ns, checksum, archived_path) VALUES (?, ?, ?, ?, ?, ?)"
_FIND_SOURCE = (
    "SELECT source_checksum, archived_path FROM archive_entries WHERE source_path = ? AND source_mtime_ns = ? "
    "AND source_size_bytes = ? AND archive_id BETWEEN ? AND ? AND source_kind = 'file' AND archived_path <> '' "
    "AND purged_at IS NULL ORDER BY entry_no DESC LIMIT 1"
)


def find(db: Connection, day: str, mark: Mark) -> Stored | None:
    """Return what was stored alone on a day (``YYYYMMDD``) of a file with this mark, the latest."""
    row = execute(db, _FIND, _key(day, mark)).fetchone()
    return Stored(checksum=row[0], path=row[1]) if row else None


def find_source(db: Connection, day: str, path: str, *, size_bytes: int, mtime_ns: int) -> Stored | None:
    """Return the source that was archived on a day from this path, with this size and time, the latest."""
    row = execute(db, _FIND_SOURCE, (path_to_text(path), mtime_ns, size_bytes, day, f"{day}~")).fetchone()
    return Stored(checksum=row[0], path=row[1]) if row else None


def put(tx: Connection, day: str, files: Iterable[tuple[Mark, Stored]]) -> None:
    """Keep what was stored alone; what earlier days had is forgotten."""
    rows = [(*_key(day, mark), stored.checksum, stored.path) for mark, stored in files]
    for row in rows:
        execute(tx, _PUT, row)
    if rows:
        execute(tx, "DELETE FROM stored_files WHERE day < ?", (day,))


def _key(day: str, mark: Mark) -> tuple[str, str, int, int]:
    return day, path_to_text(mark.name), mark.size_bytes, mark.mtime_ns
