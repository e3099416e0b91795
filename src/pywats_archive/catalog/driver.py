"""The database driver: statements run on it directly, and its errors are translated into ours."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pywats_archive.errors import CatalogDamaged, CatalogError, CatalogFull, CatalogRefused

DRIVER_ERRORS = (sqlite3.Error, SQLAlchemyError, OverflowError)
"""What the driver raises, by itself or through SQLAlchemy; an integer of more than 64 bits is an OverflowError."""
OF_ONE_VALUE = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError)
"""Errors caused by a value passed to the database, and not by the database itself."""
_NOT_BOUND = "binding parameter"
"""The driver's message for a value of an unsupported type; its class is another one before Python 3.11."""

_TO_CHECK = "check the disk, its rights and who else has it open"
_SHARED_MEMORY_BYTES = 32_768
"""The size of a new ``metadata.db-shm``, without which SQLite cannot read a database with a write-ahead log."""

_NOT_UTF8 = "Could not decode to UTF-8"
"""The driver's message for text that another program stored."""


def execute(db: Connection, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
    """Run one statement on the driver itself: a small one takes 2 µs, and 14 with SQLAlchemy's overhead.

    Text that no database can hold (lone surrogates) is bound as ``storable`` writes it.
    """
    driver = cast(sqlite3.Connection, db.connection.driver_connection)
    try:
        return driver.execute(sql, values)
    except UnicodeEncodeError:
        return driver.execute(sql, [storable(v) if isinstance(v, str) else v for v in values])


def rows(db: Connection, sql: str, values: Sequence[Any] = ()) -> list[Any]:
    """Run a query and return its rows; text that is not UTF-8 comes as bytes, so that each row can be judged by itself."""
    try:
        return execute(db, sql, values).fetchall()
    except sqlite3.OperationalError as exc:
        if _NOT_UTF8 not in str(exc):
            raise
    driver = cast(sqlite3.Connection, db.connection.driver_connection)
    driver.text_factory = _text_or_bytes
    try:
        return execute(db, sql, values).fetchall()
    finally:
        driver.text_factory = str


def _text_or_bytes(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def uri(path: Path, query: str) -> str:
    """Return the URI of a database as SQLite expects it (sqlite.org/uri)."""
    whole = path.absolute().as_posix()
    return f"file://{'' if whole.startswith('/') else '/'}{quote(os.fsencode(whole), safe='/:')}?{query}"


def storable(text: str) -> str:
    """Write each lone surrogate in ``text`` as a backslash escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def translated(path: Path, error: Exception) -> CatalogError:
    """Return our error for a driver's error at ``path``: what went wrong, and what to do."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if _is_full(cause):
        return CatalogFull(f"{path} cannot grow ({cause}): free some space on its disk")
    if isinstance(cause, OF_ONE_VALUE) or _NOT_BOUND in str(cause):
        return CatalogRefused(f"{path} cannot hold a value ({cause}): nothing of its transaction is stored")
    if type(cause) is sqlite3.DatabaseError:  # its subclasses mean something other than a damaged file
        return CatalogDamaged(f"{path} is damaged ({cause}): run 'pywats-archive rebuild'")
    todo = "its disk is full: free some space" if _is_without_space(path, cause) else _TO_CHECK
    return CatalogError(f"{path} cannot be used ({cause}): {todo}")


def _is_without_space(path: Path, cause: BaseException | None) -> bool:
    """Whether SQLite lacked the space for its shared memory, which it reports as an I/O error."""
    if "disk I/O error" not in str(cause):
        return False
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free < _SHARED_MEMORY_BYTES
    return False


def is_locked(cause: BaseException | None) -> bool:
    """Whether another connection was in the way."""
    return isinstance(cause, sqlite3.OperationalError) and "is locked" in str(cause)  # SQLITE_BUSY, SQLITE_LOCKED


def _is_full(cause: BaseException | None) -> bool:
    if isinstance(cause, OSError):
        return cause.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    return isinstance(cause, sqlite3.OperationalError) and "disk is full" in str(cause)  # SQLITE_FULL
