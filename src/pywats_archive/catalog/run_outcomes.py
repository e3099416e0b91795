"""What became of a run after its entries were replayed: its end, the submission of its reports, and its rollback."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog.driver import execute

_ENDED = """
SELECT at, actor FROM events
WHERE archive_id IS NULL AND kind IN ('run.done', 'run.cancelled', 'run.rolled_back')
  AND json_extract(details, '$.run_id') = ?
ORDER BY sequence DESC LIMIT 1
"""
_CONVERSIONS = "run_items i JOIN conversions c ON c.archive_id = i.archive_id AND c.run_id = i.run_id"
_SUBMISSIONS = f"""
SELECT r.submission_state, count(*) FROM {_CONVERSIONS}
JOIN reports r ON r.archive_id = c.archive_id AND r.conversion_id = c.conversion_id
WHERE i.run_id = ? GROUP BY 1 ORDER BY 1
"""
_SHOWN = f"""
SELECT count(*) FROM {_CONVERSIONS}
JOIN archive_entries e ON e.archive_id = c.archive_id AND e.conversion_timestamp = c.started_at
WHERE i.run_id = ?
"""


def ended(db: Connection, run_id: int) -> tuple[datetime, str] | None:
    """Return when a run was done, cancelled or rolled back, and by whom; None while it is running."""
    row = execute(db, _ENDED, (run_id,)).fetchone()
    return (datetime.fromisoformat(row[0]), row[1]) if row else None


def submissions(db: Connection, run_id: int) -> dict[str, int]:
    """Count the reports of a run by the state of their submission."""
    return dict(execute(db, _SUBMISSIONS, (run_id,)).fetchall())


def shown(db: Connection, run_id: int) -> int:
    """Count the entries that show the conversion of a run now."""
    return int(execute(db, _SHOWN, (run_id,)).fetchone()[0])
