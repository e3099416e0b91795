"""The database behind the catalog: opened, migrated, read by many, written by one."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from pywats_archive.catalog.driver import Connection, Transaction
from pywats_archive.catalog.writer import Writer
from pywats_archive.errors import CatalogError, NewerFormat
from pywats_archive.models.step import OnStep, no_step

__all__ = ["Catalog", "Connection", "Transaction"]

T = TypeVar("T")
HEAD = "0001"
"""The newest migration."""
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 30000",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
)


class Catalog:
    """An open metadata database; safe to use from many threads and beside other processes."""

    def __init__(self, path: Path, on_step: OnStep) -> None:
        self.path = path
        self._engine = create_engine(
            f"sqlite:///{path.as_posix()}",
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"check_same_thread": False, "timeout": 30},
        )
        event.listen(self._engine, "connect", _set_pragmas)
        self._idle: list[Connection] = []
        self._mutex = threading.Lock()
        self._is_open = True
        self._leases: dict[int, Any] = {}
        self._writing = self._connect()
        self._writer = Writer(self._writing, on_step)

    @classmethod
    def open(cls, path: Path, *, on_step: OnStep = no_step) -> Catalog:
        """Open the database at ``path``, making or migrating it; CatalogError when it is damaged, NewerFormat when too new."""
        _create_private(path)
        try:
            catalog = cls(path, on_step)
        except (DatabaseError, sqlite3.DatabaseError) as exc:
            raise _damaged(path, exc) from exc
        try:
            catalog._bring_up_to_date()
        except (DatabaseError, sqlite3.DatabaseError) as exc:
            catalog.close()
            raise _damaged(path, exc) from exc
        except BaseException:
            catalog.close()
            raise
        return catalog

    def write(self, unit: Callable[[Transaction], T]) -> T:
        """Run ``unit`` in a transaction, grouped with others'; durable once this returns. Units must be repeatable."""
        return self._writer.write(unit)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees what is committed, for this thread alone."""
        with self._mutex:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        except sqlite3.DatabaseError as exc:
            raise _damaged(self.path, exc) from exc
        finally:
            with self._mutex:
                if self._is_open:
                    self._idle.append(connection)
            if not self._is_open:
                self._disconnect(connection)

    def close(self) -> None:
        """Close every connection; idempotent."""
        with self._mutex:
            idle, self._idle, self._is_open = self._idle, [], False
        for connection in (*idle, self._writing):
            self._disconnect(connection)
        self._engine.dispose()

    def _connect(self) -> Connection:
        lease = self._engine.raw_connection()
        connection: Connection = lease.driver_connection  # type: ignore[assignment]
        self._leases[id(connection)] = lease
        return connection

    def _disconnect(self, connection: Connection) -> None:
        lease = self._leases.pop(id(connection), None)
        if lease is not None:
            lease.close()

    def _bring_up_to_date(self) -> None:
        named = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
        is_new = self._writing.execute(named).fetchone() is None
        row = None if is_new else self._writing.execute("SELECT version_num FROM alembic_version").fetchone()
        found = row[0] if row else None
        if found == HEAD:
            return
        if found is not None and str(found) > HEAD:
            raise NewerFormat(
                f"{self.path}: its tables are of version {found}, newer than {HEAD}; update pywats-archive"
            )
        from pywats_archive.catalog.migrations import upgrade  # noqa: PLC0415 (Alembic is only loaded when it has work)

        with self._engine.connect() as connection:
            upgrade(connection)


def _create_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as exc:
        raise CatalogError(f"{path}: cannot be opened ({exc.strerror}); check the folder and its rights") from exc


def _set_pragmas(connection: Any, record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _damaged(path: Path, exc: Exception) -> CatalogError:
    cause = getattr(exc, "orig", None) or exc
    return CatalogError(f"{path}: cannot be read as a catalog ({cause}); keep it and run 'pywats-archive rebuild'")
