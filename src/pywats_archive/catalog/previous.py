"""The old catalog, which is being replaced: what no blob can say, counted as far as it is still readable."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.models.retention.policy import RetentionPolicy
from pywats_archive.models.retention.purge import Hold

_KNOWN_TO_IT_ALONE = {
    "statuses and error texts": "SELECT count(*) FROM archive_entries WHERE conversion_status <> 'PENDING'",
    "conversions with their parameters": "SELECT count(*) FROM conversions",
    "records of sources without bytes": (
        "SELECT count(*) FROM archive_entries WHERE archived_path = '' OR purged_at IS NOT NULL"
    ),
    "reports accepted by the server": "SELECT count(*) FROM reports WHERE submission_state = 'ACCEPTED'",
    "reports refused by the server": "SELECT count(*) FROM reports WHERE submission_state = 'REFUSED'",
    "reports waiting for the server": "SELECT count(*) FROM reports WHERE submission_state = 'WAITING'",
    "arrivals of the ledger": "SELECT count(*) FROM arrivals",
    "events": "SELECT count(*) FROM events",
    "purges": "SELECT count(*) FROM purge_history",
    "runs": "SELECT count(*) FROM runs",
}


def known_to_it_alone(path: Path) -> dict[str, int | None]:
    """Count what only the database at ``path`` knows; None if it cannot be read. Changes nothing."""
    if not path.exists() or path.stat().st_size == 0:
        return dict.fromkeys(_KNOWN_TO_IT_ALONE)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return {what: _count(db, query) for what, query in _KNOWN_TO_IT_ALONE.items()}
    except sqlite3.Error:
        return dict.fromkeys(_KNOWN_TO_IT_ALONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Keeping:
    """The retention settings of a catalog: its policies and holds."""

    policies: tuple[RetentionPolicy, ...]
    holds: tuple[Hold, ...]


def keeping(path: Path) -> Keeping | None:
    """Read the retention settings in the database at ``path``; None if they cannot be read completely. Changes nothing."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            policies = tuple(_policy(row) for row in db.execute("SELECT * FROM retention_policies"))
            held = db.execute("SELECT * FROM archive_entries WHERE hold_reason IS NOT NULL")
            return Keeping(policies=policies, holds=tuple(map(_hold, held)))
    except (sqlite3.Error, ValueError, TypeError, IndexError):
        return None


def _policy(row: sqlite3.Row) -> RetentionPolicy:
    """Return a policy from a row of any version; missing columns have the values that apply if nobody set any."""
    known = {each.name for each in fields(RetentionPolicy)} & set(row.keys())
    values: dict[str, Any] = {name: row[name] for name in known}
    values |= {name: bool(values[name]) for name in ("enabled", "purge_unsubmitted") if name in values}
    return RetentionPolicy(**values)


def _hold(row: sqlite3.Row) -> Hold:
    values = dict(row)
    return Hold(
        archive_id=values["archive_id"],
        converter_name=values["converter_name"],
        hold_reason=values["hold_reason"],
        held_by=values.get("held_by") or "",
        held_at=datetime.fromisoformat(values.get("held_at") or values["created_at"]),
    )


def _count(db: sqlite3.Connection, query: str) -> int | None:
    try:
        (number,) = db.execute(query).fetchone()
    except sqlite3.Error:
        return None
    return int(number)
