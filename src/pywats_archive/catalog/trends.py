"""The errors of failed entries, and the durations of the latest conversions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text, text_to_moment
from pywats_archive.catalog.driver import execute
from pywats_archive.models.operation.trends import FailedWith

_FAILED = (
    "SELECT conversion_error, count(*), max(conversion_timestamp) FROM archive_entries "
    "WHERE conversion_status = 'FAILED' AND conversion_timestamp >= ? AND purged_at IS NULL GROUP BY 1"
)
_DURATIONS = (
    "SELECT conversion_duration_ms FROM archive_entries "
    "WHERE converter_name = ? ORDER BY conversion_timestamp DESC, archive_id DESC LIMIT ?"
)


def failed_since(db: Connection, since: datetime) -> list[FailedWith]:
    """Return the errors with which entries failed since then."""
    rows = execute(db, _FAILED, (moment_to_text(since),)).fetchall()
    return [FailedWith(error or "", number, text_to_moment(newest)) for error, number, newest in rows]


def latest_durations(db: Connection, converter_name: str, *, limit: int) -> list[int]:
    """Return the durations of a converter's latest conversions, in milliseconds."""
    rows = execute(db, _DURATIONS, (converter_name, limit)).fetchall()
    return [int(duration) for (duration,) in rows if duration is not None]
