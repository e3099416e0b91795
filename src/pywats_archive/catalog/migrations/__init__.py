"""The history of the tables, as Alembic migrations; a database of any age is brought up to date at opening."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps its running environment in module globals."""


def upgrade(connection: Connection) -> None:
    """Bring the database behind ``connection`` to the newest tables, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")
