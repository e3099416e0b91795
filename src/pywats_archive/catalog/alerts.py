"""The open alerts, for readers that do not run the service."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import messages_to_text, moment_to_text
from pywats_archive.catalog.driver import execute, storable
from pywats_archive.models.operation.statistics import OpenAlert


def put(tx: Connection, alert: OpenAlert) -> None:
    """Store an alert as open."""
    values = (alert.name, storable(alert.subject), moment_to_text(alert.raised_at), messages_to_text(alert.details))
    execute(tx, "REPLACE INTO alerts (name, subject, raised_at, details) VALUES (?, ?, ?, ?)", values)


def remove(tx: Connection, name: str, subject: str) -> None:
    """Remove an alert that has cleared."""
    execute(tx, "DELETE FROM alerts WHERE name = ? AND subject = ?", (name, storable(subject)))


def open_ones(db: Connection) -> tuple[OpenAlert, ...]:
    """Return the open alerts, oldest first."""
    rows = execute(db, "SELECT name, subject, raised_at, details FROM alerts ORDER BY raised_at, name, subject")
    return tuple(
        OpenAlert(name=name, subject=subject, raised_at=datetime.fromisoformat(at), details=json.loads(details))
        for name, subject, at, details in rows
    )
