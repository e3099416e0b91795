"""The files of a day that are stored alone: the same file again that day gets one more name of the same blob."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import path_to_text
from pywats_archive.catalog.driver import execute

_FIND = (
    "SELECT checksum, archived_path FROM stored_files WHERE day = ? AND name = ? AND size_bytes = ? AND mtime_ns = ?"
)
_PUT = "REPLACE INTO stored_files (day, name, size_bytes, mtime_ns, checksum, archived_path) VALUES (?, ?, ?, ?, ?, ?)"
_FIND_SOURCE = (
    "SELECT source_checksum, archived_path FROM archive_entries WHERE source_path = ? AND source_mtime_ns = ? "
    "AND source_size_bytes = ? AND archive_id BETWEEN ? AND ? AND source_kind = 'file' AND archived_path <> '' "
    "AND purged_at IS NULL ORDER BY entry_no DESC LIMIT 1"
)


class FileKey(NamedTuple):
    """What identifies a file without reading it; a tuple, since each source is looked up several times."""

    name: str
    """Relative to the source's folder."""
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A file that was archived: its content, and the blob that holds it alone, if there is one."""

    checksum: str
    path: str | None = None


def find(db: Connection, day: str, key: FileKey) -> Stored | None:
    """Return what was stored alone of this file on a day (``YYYYMMDD``), the latest."""
    row = execute(db, _FIND, _key(day, key)).fetchone()
    return Stored(checksum=row[0], path=row[1]) if row else None


def is_any(db: Connection, day: str) -> bool:
    """Whether any file was stored alone on a day; what most stations never do."""
    return execute(db, "SELECT 1 FROM stored_files WHERE day = ? LIMIT 1", (day,)).fetchone() is not None


def find_source(db: Connection, day: str, path: str, *, key: FileKey) -> Stored | None:
    """Return the source that was archived on a day from this path, with this size and time, the latest."""
    row = execute(db, _FIND_SOURCE, (path_to_text(path), key.mtime_ns, key.size_bytes, day, f"{day}~")).fetchone()
    return Stored(checksum=row[0], path=row[1]) if row else None


def put(tx: Connection, day: str, files: Iterable[tuple[FileKey, Stored]]) -> None:
    """Record what was stored alone; earlier days are deleted."""
    rows = [(*_key(day, key), stored.checksum, stored.path) for key, stored in files]
    for row in rows:
        execute(tx, _PUT, row)
    if rows:
        execute(tx, "DELETE FROM stored_files WHERE day < ?", (day,))


def _key(day: str, key: FileKey) -> tuple[str, str, int, int]:
    return day, path_to_text(key.name), key.size_bytes, key.mtime_ns
