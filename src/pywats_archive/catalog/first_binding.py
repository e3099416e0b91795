"""Binds the rows of a catalog whose versions did not: once, as they are found, in the transaction of the migration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Connection

from pywats_archive.catalog import events
from pywats_archive.catalog.binding.bound import BOUND, BoundTable
from pywats_archive.catalog.binding.digests import RowDigest
from pywats_archive.catalog.binding.noting import AT_ONCE, as_json
from pywats_archive.catalog.binding.scanning import scanned
from pywats_archive.catalog.driver import execute
from pywats_archive.models.event import Event
from pywats_archive.models.time import utc_now

KIND = "rows.bound"
_FIRST_VERSION = "0011"
"""The first migration with ``bound_rows``."""
_HAS_VERSION = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"


def version_before(db: Connection) -> str | None:
    """Return the version of the tables; None for a new database."""
    if execute(db, _HAS_VERSION).fetchone() is None:
        return None
    row = execute(db, "SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def bind_rows_of_earlier_versions(tx: Connection, before: str) -> None:
    """Append an event for each thousand rows of a catalog whose tables were of the version ``before``."""
    if before >= _FIRST_VERSION:
        return
    for table in BOUND:
        members = _members(tx, table)
        while some := list(islice(members, AT_ONCE)):
            event = Event(kind=KIND, at=utc_now(), details={"rows": len(some), "table": table.name})
            events.append_bound(tx, event, as_json({table.name: some}))


def _members(tx: Connection, table: BoundTable) -> Iterator[str]:
    digest = RowDigest(table)
    for key, row in scanned(tx, table):
        yield f'{table.key_json(key)}:"{digest(row)}"'
