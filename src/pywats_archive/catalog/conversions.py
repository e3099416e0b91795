"""Conversions: every attempt, in order."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pywats_archive.catalog import tables
from pywats_archive.catalog.driver import Executor, Transaction
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

_ROWS = Rows(tables.conversions, key="conversion_id")


def add(tx: Transaction, conversion: Conversion) -> int:
    """Add an attempt; 0 as its ``attempt`` means the entry's next. Gives its number."""
    values = {name: getattr(conversion, name) for name in conversion.__slots__}
    del values["conversion_id"]
    values["attempt"] = conversion.attempt or _next_attempt(tx, conversion.archive_id)
    values["status"] = conversion.status.value
    values["parameters"] = conversion.parameters or None
    values["warnings"] = list(conversion.warnings) or None
    values["configuration"] = _keep_configuration(tx, conversion.configuration)
    return _ROWS.insert(tx, values)


def of_entry(db: Executor, archive_id: str) -> tuple[Conversion, ...]:
    """Give an entry's attempts, oldest first."""
    rows = db.execute(
        f"SELECT conversion_id, configurations.configuration, {', '.join(f'conversions.{n}' for n in _ROWS.names)} "
        "FROM conversions LEFT JOIN configurations ON fingerprint = conversions.configuration "
        "WHERE archive_id = ? ORDER BY attempt",
        (archive_id,),
    )
    return tuple(_conversion(row[0], row[1], row[2:]) for row in rows)


def _next_attempt(tx: Transaction, archive_id: str) -> int:
    last = "SELECT max(attempt) FROM conversions WHERE archive_id = ?"
    return (tx.execute(last, (archive_id,)).fetchone()[0] or 0) + 1


def _keep_configuration(tx: Transaction, configuration: dict[str, Any]) -> str | None:
    """Keep a configuration once, under the SHA-256 of its JSON."""
    if not configuration:
        return None
    text = json.dumps(configuration, separators=(",", ":"), sort_keys=True)
    fingerprint = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    tx.execute("INSERT OR IGNORE INTO configurations VALUES (?, ?)", (fingerprint, text))
    return fingerprint


def _conversion(number: int, configuration: str | None, row: Any) -> Conversion:
    values = _ROWS.decode(row)
    values["status"] = ConversionStatus(values["status"])
    values["parameters"] = values["parameters"] or {}
    values["warnings"] = tuple(values["warnings"] or ())
    values["configuration"] = json.loads(configuration) if configuration else {}
    return Conversion(conversion_id=number, **values)
