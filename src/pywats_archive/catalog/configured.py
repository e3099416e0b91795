"""What the configuration said about each converter's policy when last seen."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import json_to_text, moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.models.retention.configured import CONFIGURATION, Said

_LAST_CHANGE = (
    "SELECT actor, details FROM events WHERE kind IN ('policy.changed', 'policy.reset') "
    "AND json_extract(details, '$.converter_name') = ? ORDER BY sequence DESC LIMIT 1"
)


def said(db: Connection, converter_name: str) -> dict[str, Any] | None:
    """Return what a configuration said last; None if no version recorded that yet."""
    row = execute(db, "SELECT said FROM configured WHERE converter_name = ?", (converter_name,)).fetchone()
    return dict(json.loads(row[0])) if row else None


def put(tx: Connection, converter_name: str, values: Said, *, now: datetime) -> None:
    """Store what a configuration says now."""
    row = (converter_name, json_to_text(dict(values)), moment_to_text(now))
    execute(tx, "REPLACE INTO configured (converter_name, said, seen_at) VALUES (?, ?, ?)", row)


def last_applied(db: Connection, converter_name: str) -> dict[str, Any] | None:
    """Return the policy set by a configuration, by the history; None if a person changed it since, or nobody set it."""
    row = execute(db, _LAST_CHANGE, (converter_name,)).fetchone()
    if row is None or row[0] != CONFIGURATION:
        return None
    after = json.loads(row[1]).get("after")
    return dict(after) if after else None
