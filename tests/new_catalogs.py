"""New catalogs for tests: each gets the SQL that the migrations ran for the first one of the session, in a fifth of the time.

A test about the migrations, or about the steps of a new archive, is marked ``migrated`` and runs them.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, event

from pywats_archive.catalog import migrations

_upgrade = migrations.upgrade
_recorded: list[tuple[str, Any]] = []


def upgrade(connection: Connection) -> None:
    """Bring a database to the newest tables; a new one by the recorded statements, which are one transaction."""
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first():
        _upgrade(connection)
    elif _recorded:
        _replay(connection)
    else:
        _record(connection)


def _replay(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        for statement, parameters in _recorded:
            driver.execute(statement, parameters)
    except sqlite3.OperationalError:  # another process was first
        driver.rollback()
        _upgrade(connection)


def _record(connection: Connection) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        _upgrade(connection)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    _recorded[:] = statements
