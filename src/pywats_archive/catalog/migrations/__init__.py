"""The history of the tables, as Alembic migrations; a database of any age is brought up to date at opening."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from pywats_archive.catalog.driver import execute

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps its running environment in module globals."""
_LARGE_BYTES = 256_000_000


def upgrade(connection: Connection) -> None:
    """Bring the database behind ``connection`` to the newest tables, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME, _sorting_on_disk(connection):
        command.upgrade(config, "head")


@contextmanager
def _sorting_on_disk(connection: Connection) -> Iterator[None]:
    """Sort in files beside a large database: a new index over ten million rows takes 1 GB of memory otherwise.

    SQLite removes the names of these files as soon as they are open. On Windows they are in the account's temporary folder.
    """
    path = Path(execute(connection, "PRAGMA database_list").fetchone()[2])
    if not path.is_file() or path.stat().st_size < _LARGE_BYTES:
        yield
        return
    (mode,) = execute(connection, "PRAGMA temp_store").fetchone()
    folder = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(path.parent)
    execute(connection, "PRAGMA temp_store = FILE")
    try:
        yield
    finally:
        execute(connection, f"PRAGMA temp_store = {mode}")
        os.environ.pop("SQLITE_TMPDIR")
        if folder is not None:
            os.environ["SQLITE_TMPDIR"] = folder
