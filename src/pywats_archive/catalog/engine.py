"""The database behind the catalog: opened, migrated, read by many, written by one."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import NullPool

from pywats_archive.catalog.driver import DRIVER_ERRORS, execute, is_locked, translated, uri
from pywats_archive.catalog.readonly import CANNOT_WRITE, View, view_of
from pywats_archive.catalog.writer import Unit, Writer
from pywats_archive.errors import CatalogDamaged, CatalogError, NewerFormat
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.portable import names
from pywats_archive.portable.files import WINDOWS, rename_exclusive

__all__ = ["Catalog", "Connection"]

T = TypeVar("T")
HEAD = "0015"
"""The newest migration."""
_WAL = "wal"
_SYNCHRONOUS = {_WAL: "FULL", "delete": "EXTRA", "truncate": "EXTRA", "persist": "EXTRA"}
"""What makes a commit durable in each journal mode that SQLite may choose: a share without shared memory has no WAL.

With a rollback journal FULL is not enough: after a power cut the removed journal may be back and undo the commit
(sqlite.org/pragma.html#pragma_synchronous).
"""
_BUSY_S = 30
"""How long a connection waits for a lock."""
_WRITER_CACHE = "PRAGMA cache_size = -16000"
"""In kB. Readers have SQLite's own 2 MB: each thread of the web pages may need one."""
_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {_BUSY_S * 1000}",
    "PRAGMA temp_store = MEMORY",
)


class Catalog:
    """An open metadata database; safe to use from many threads and beside other processes."""

    def __init__(self, path: Path, on_step: OnStep, view: View | None = None, clock: Clock = utc_now) -> None:
        self.path = path
        self._view = view
        database = view.database if view else _uri(path)
        self._engine = create_engine(
            URL.create("sqlite", database=database, query={"uri": "true"}),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"check_same_thread": False, "timeout": _BUSY_S},
        )
        is_in_place = view is not None and view.copy is None
        prepare = _set_for_reading if is_in_place else partial(_set_pragmas, path)
        event.listen(self._engine, "connect", lambda connection, _: prepare(connection))
        self._idle: list[Connection] = []
        self._mutex = threading.Lock()
        self._is_open = True
        self._writing = self._engine.connect()
        execute(self._writing, _WRITER_CACHE)
        self.waits_for_readers: bool = execute(self._writing, "PRAGMA journal_mode").fetchone() != (_WAL,)
        """Whether a reader makes the writer wait, because the file system cannot have a write-ahead log."""
        self._writer = Writer(self._writing, path, on_step, clock)
        self.is_awaited = self._writer.is_awaited

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        on_step: OnStep = no_step,
        clock: Clock = utc_now,
        may_be_new: bool = True,
        for_writing: bool = False,
        before_migration: Callable[[Catalog], None] = lambda catalog: None,
    ) -> Catalog:
        """Open the database at ``path`` and migrate it; create it unless ``may_be_new`` is false.

        ``before_migration`` is called before the tables of an existing database are changed.

        A read-only one is opened too, unless it is ``for_writing``; CatalogError then. CatalogDamaged if it is damaged or
        empty, CatalogError if it is another program's, NewerFormat if a later version made it.
        """
        if not may_be_new:
            _refuse_empty(path)
        view = None if _may_write(path, must=for_writing) else view_of(path, head=HEAD)
        try:
            catalog = cls(path, on_step, view, clock)
        except BaseException as exc:
            if view:
                view.close()
            if isinstance(exc, DRIVER_ERRORS):
                raise translated(path, exc) from exc
            raise
        try:
            catalog._bring_up_to_date(before_migration, may_be_new=may_be_new)
        except DRIVER_ERRORS as exc:
            catalog.close()
            raise translated(path, exc) from exc
        except BaseException:
            catalog.close()
            raise
        return catalog

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written, since its medium or the rights there do not allow it."""
        return self._view is not None

    def write(self, unit: Unit[T], *, within_s: float | None = None, is_patient: bool = False) -> T:
        """Run ``unit`` in a transaction, grouped with others; durable once this returns. Units must be repeatable.

        A patient one lets others go before. CatalogError if it is read-only, or, with ``within_s``, if it is busy for longer.
        """
        if self._view:
            raise CatalogError(
                f"{self.path}: is read-only here (its medium, or its rights); use a copy of the archive on another disk"
            )
        return self._writer.write(unit, is_patient) if within_s is None else self._writer.write_within(unit, within_s)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Return a connection that sees what is committed, for this thread only; CatalogError once it is closed."""
        with self._mutex:
            if not self._is_open:
                raise CatalogError(f"{self.path} is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connected()
        try:
            yield connection
        except DRIVER_ERRORS as exc:
            raise translated(self.path, exc) from exc
        finally:
            with self._mutex:
                if self._is_open:
                    self._idle.append(connection)
            if not self._is_open:
                connection.close()

    def _connected(self) -> Connection:
        try:
            return self._engine.connect()
        except DRIVER_ERRORS as exc:
            raise translated(self.path, exc) from exc

    def faults(self, *, thorough: bool) -> tuple[str, ...]:
        """Read the whole database; returns its faults, ten at most.

        ``thorough`` compares indexes with their tables too. Takes about 1 s per GB (thorough: 4) once it is in memory.
        The connection is a new one: SQLite 3.45 calls the full-text index damaged if it changed since an earlier check.
        """
        pragma = "PRAGMA integrity_check(10)" if thorough else "PRAGMA quick_check(10)"
        try:
            with self._connected() as db:
                found = [str(text) for (text,) in execute(db, pragma)]
        except CatalogError as exc:
            return (str(exc),)
        except DRIVER_ERRORS as exc:
            return (str(translated(self.path, exc)),)
        return () if found == ["ok"] else tuple(found)

    def release_space(self, pages: int) -> None:
        """Return up to ``pages`` free pages to the file system, between two commits; none if that was not prepared."""
        self._writer.between(lambda db: execute(db, f"PRAGMA incremental_vacuum({pages})").fetchall())

    def close(self) -> None:
        """Close every connection; idempotent."""
        with self._mutex:
            idle, self._idle, self._is_open = self._idle, [], False
        for connection in idle:
            connection.close()
        self._writer.close()
        self._engine.dispose()
        if self._view:
            self._view.close()

    def _bring_up_to_date(self, before_migration: Callable[[Catalog], None], *, may_be_new: bool) -> None:
        found = _version(self._writing, self.path)
        if found is None and not may_be_new:
            raise _empty(self.path)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            raise NewerFormat(
                f"{self.path}: its tables are of version {found}, newer than {HEAD}; update pywats-archive"
            )
        if found is not None and self._view is None:
            before_migration(self)
        from pywats_archive.catalog.migrations import upgrade  # noqa: PLC0415 (Alembic is only loaded when it has work)

        upgrade(self._writing)


def _version(db: Connection, path: Path) -> str | None:
    """Return the migration that made the tables; None for an empty database, CatalogError for another program's."""
    names = {name for (name,) in execute(db, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return None
    row = execute(db, "SELECT version_num FROM alembic_version").fetchone() if "alembic_version" in names else None
    if row is None or "archive_entries" not in names:
        raise CatalogError(f"{path} is another program's database: move it away and run 'pywats-archive rebuild'")
    return str(row[0])


def _refuse_empty(path: Path) -> None:
    """Prepare a new database before a connection writes its own beginning into the file."""
    if not path.exists() or path.stat().st_size == 0:
        raise _empty(path)


def _empty(path: Path) -> CatalogDamaged:
    return CatalogDamaged(f"{path} is empty: run 'pywats-archive rebuild' to create it from the blobs")


def _uri(path: Path) -> str:
    """Name a database that must exist: none is created in the empty mount point of a lost disk."""
    return uri(path, "mode=rw")


def _may_write(path: Path, *, must: bool, windows: bool = WINDOWS) -> bool:
    """Whether the file can be written, creating it if missing; CatalogError if it ``must`` be, or cannot be read.

    On POSIX an existing file is never opened here: to close it would cancel the locks of every connection that this process
    has to it, and another process would take the log away (sqlite.org/howtocorrupt, 2.2).
    """
    try:
        if windows:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        elif not path.exists():
            _create(path)
        elif path.is_dir() or not os.access(
            path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids
        ):
            os.open(path, os.O_RDWR)  # fails, and says why
    except OSError as exc:
        if not must and exc.errno in CANNOT_WRITE and os.access(path, os.R_OK):
            return False
        raise CatalogError(f"{path}: cannot be opened ({exc.strerror}); check the folder and its rights") from exc
    return True


def _create(path: Path) -> None:
    """Create an empty file for this account alone; one that another thread or process created meanwhile stays."""
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    os.close(os.open(partial, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with suppress(FileExistsError):
            rename_exclusive(partial, path)
    finally:
        names.unlink(partial, missing_ok=True)


def _set_for_reading(connection: Any) -> None:
    """Prepare a connection to a database that does not change."""
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _set_pragmas(path: Path, connection: Any) -> None:
    """Make a connection durable; CatalogError, and it is closed, if none of its journal modes is durable."""
    try:
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # later the whole file would have to be rewritten
        mode = _set_journal_mode(connection)
        if mode not in _SYNCHRONOUS:
            raise CatalogError(f"{path} cannot have a journal on this disk (SQLite says '{mode}'): keep it on another")
        for pragma in (f"PRAGMA synchronous = {_SYNCHRONOUS[mode]}", *_PRAGMAS):
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise


def _set_journal_mode(connection: Any) -> str:
    """Request the write-ahead log; returns the actual journal mode.

    While another connection writes a new database SQLite refuses that at once, without its usual wait.
    """
    until_s = time.monotonic() + _BUSY_S
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as exc:
            if not is_locked(exc) or time.monotonic() >= until_s:
                raise
            time.sleep(0.02)
