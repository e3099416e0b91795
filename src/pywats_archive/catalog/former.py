"""A catalog that is about to be replaced: what of it no blob can tell, counted as far as it can still be read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_KNOWN_TO_IT_ALONE = {
    "statuses and error texts": "SELECT count(*) FROM archive_entries WHERE conversion_status <> 'PENDING'",
    "conversions with their parameters": "SELECT count(*) FROM conversions",
    "holds": "SELECT count(*) FROM archive_entries WHERE hold_reason IS NOT NULL",
    "records of sources without bytes": (
        "SELECT count(*) FROM archive_entries WHERE archived_path = '' OR purged_at IS NOT NULL"
    ),
    "reports accepted by the server": "SELECT count(*) FROM reports WHERE submission_state = 'ACCEPTED'",
    "reports refused by the server": "SELECT count(*) FROM reports WHERE submission_state = 'REFUSED'",
    "reports waiting for the server": "SELECT count(*) FROM reports WHERE submission_state = 'WAITING'",
    "arrivals of the ledger": "SELECT count(*) FROM arrivals",
    "events": "SELECT count(*) FROM events",
    "retention policies": "SELECT count(*) FROM retention_policies",
    "purges": "SELECT count(*) FROM purge_history",
    "runs": "SELECT count(*) FROM runs",
}


def known_to_it_alone(path: Path) -> dict[str, int | None]:
    """Count what only the database at ``path`` knows; None where it cannot be read. Changes nothing."""
    if not path.exists() or path.stat().st_size == 0:
        return dict.fromkeys(_KNOWN_TO_IT_ALONE)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return {what: _count(db, query) for what, query in _KNOWN_TO_IT_ALONE.items()}
    except sqlite3.Error:
        return dict.fromkeys(_KNOWN_TO_IT_ALONE)


def _count(db: sqlite3.Connection, query: str) -> int | None:
    try:
        (number,) = db.execute(query).fetchone()
    except sqlite3.Error:
        return None
    return int(number)
