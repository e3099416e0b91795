"""Conversions: every attempt, in order."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import tables
from pywats_archive.catalog.column_types import canonical_json
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

_NEXT_ATTEMPT = "SELECT coalesce(max(attempt), 0) + 1 FROM conversions WHERE archive_id = ?1"
_ROWS = Rows(
    tables.conversions, key="conversion_id", computed={"attempt": f"coalesce(nullif(?, 0), ({_NEXT_ATTEMPT}))"}
)

_SELECT = (
    f"SELECT conversion_id, configurations.configuration, {', '.join(f'conversions.{n}' for n in _ROWS.names)} "
    "FROM conversions LEFT JOIN configurations ON fingerprint = conversions.configuration"
)


def add(tx: Connection, conversion: Conversion) -> int:
    """Add an attempt; 0 as its ``attempt`` means the entry's next. Returns its number."""
    values = {name: getattr(conversion, name) for name in conversion.__slots__}
    del values["conversion_id"]
    values["status"] = conversion.status.value
    values["parameters"] = conversion.parameters or None
    values["warnings"] = list(conversion.warnings) or None
    values["configuration"] = _store_configuration(tx, conversion.configuration)
    return _ROWS.insert(tx, values)


def of_entry(db: Connection, archive_id: str) -> tuple[Conversion, ...]:
    """Return an entry's attempts, oldest first."""
    rows = execute(db, f"{_SELECT} WHERE archive_id = ? ORDER BY attempt", (archive_id,))
    return tuple(map(_conversion, rows))


def last_of_entry(db: Connection, archive_id: str) -> Conversion | None:
    """Return an entry's latest attempt, if there is one."""
    row = execute(db, f"{_SELECT} WHERE archive_id = ? ORDER BY attempt DESC LIMIT 1", (archive_id,)).fetchone()
    return _conversion(row) if row else None


def _store_configuration(tx: Connection, configuration: dict[str, Any]) -> str | None:
    """Store a configuration once, under the SHA-256 of its JSON."""
    if not configuration:
        return None
    text = canonical_json(configuration)
    fingerprint = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    execute(tx, "INSERT INTO configurations VALUES (?, ?) ON CONFLICT DO NOTHING", (fingerprint, text))
    return fingerprint


def _conversion(row: Any) -> Conversion:
    number, configuration, *columns = row
    values = _ROWS.decode(columns)
    values["status"] = ConversionStatus(values["status"])
    values["parameters"] = values["parameters"] or {}
    values["warnings"] = tuple(values["warnings"] or ())
    values["configuration"] = json.loads(configuration) if configuration else {}
    return Conversion(conversion_id=number, **values)
