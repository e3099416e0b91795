"""Copies of a database: made while it is in use, and examined."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pywats_archive.catalog import events
from pywats_archive.catalog.driver import execute, uri
from pywats_archive.catalog.engine import HEAD, Catalog
from pywats_archive.errors import CatalogDamaged, NewerFormat, StorageError

_PAGES_PER_STEP = 1_000
"""4 MB."""
_EVENTS_CHECKED = 1_000
"""How many events at the end of the chain are checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyState:
    """What a copy of the database holds."""

    version: str
    """The migration that made its tables."""
    entries: int
    last_sequence: int
    """The number of its last event; 0 if it has none."""
    last_hash: str


def copy_to(catalog: Catalog, target: Path, *, on_pages: Callable[[], None]) -> None:
    """Copy the database, as of one moment, into the new file ``target``; writers continue meanwhile.

    ``on_pages`` is called between two steps, and may raise to end the copy. Without a write-ahead log it is one step, and
    writers wait for it.
    """
    with catalog.read() as db:
        source = cast(sqlite3.Connection, db.connection.driver_connection)
        execute(db, "BEGIN")
        try:
            execute(db, "SELECT count(*) FROM sqlite_master").fetchone()  # from now on one moment is seen
            pages = -1 if catalog.waits_for_readers else _PAGES_PER_STEP
            _back_up(source, target, pages, on_pages)
        finally:
            execute(db, "ROLLBACK")


def _back_up(source: sqlite3.Connection, target: Path, pages: int, on_pages: Callable[[], None]) -> None:
    try:
        with closing(sqlite3.connect(uri(target, "mode=rw"), uri=True)) as copy:
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute("PRAGMA synchronous = OFF")  # whoever publishes the content makes it durable
            source.backup(copy, pages=pages, progress=lambda status, remaining, total: on_pages(), sleep=0)
    except sqlite3.Error as exc:
        raise StorageError(f"{target.parent}: the catalog cannot be copied here ({exc}); check its disk") from exc


def examine(path: Path) -> CopyState:
    """Read a copy whole and check the end of its chain of events. Changes nothing.

    CatalogDamaged if it is not sound, NewerFormat if a later version made it.
    """
    try:
        with closing(sqlite3.connect(uri(path, "immutable=1"), uri=True)) as db:
            return _examined(db, path)
    except (sqlite3.Error, ValueError, TypeError) as exc:
        raise CatalogDamaged(f"{path}: is not a sound catalog ({exc})") from exc


def _examined(db: sqlite3.Connection, path: Path) -> CopyState:
    fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if fault != "ok":
        raise CatalogDamaged(f"{path}: is not a sound catalog ({fault})")
    version = str(db.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    if version > HEAD:
        raise NewerFormat(f"{path}: its tables are of version {version}, newer than {HEAD}; update pywats-archive")
    last_sequence, last_hash = 0, events.FIRST_HASH
    tail = f"SELECT * FROM ({events.newest_first(db)} LIMIT {_EVENTS_CHECKED}) ORDER BY sequence"
    for row, is_whole in events.walked_from_any(db.execute(tail), events.erasures_in(db)):
        if not is_whole:
            raise CatalogDamaged(f"{path}: its chain of events is broken at event {row[0]}")
        last_sequence, last_hash = int(row[0]), str(row[-1])
    entries = int(db.execute("SELECT count(*) FROM archive_entries").fetchone()[0])
    return CopyState(version=version, entries=entries, last_sequence=last_sequence, last_hash=last_hash)
