"""The errors of failed entries, and the durations of the latest conversions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text, text_to_moment
from pywats_archive.catalog.driver import execute
from pywats_archive.models.operation.trends import FailedFor
from pywats_archive.models.time import UTC

_FAILED = (
    "SELECT failure_reason, count(*), max(conversion_timestamp) FROM archive_entries INDEXED BY idx_failed "
    "WHERE failure_reason IS NOT NULL AND conversion_timestamp >= ? AND purged_at IS NULL GROUP BY 1"
)
_NEWEST = (
    "SELECT conversion_timestamp, conversion_error FROM archive_entries INDEXED BY idx_failed "
    "WHERE failure_reason = ? AND purged_at IS NULL ORDER BY conversion_timestamp DESC, archive_id DESC LIMIT 1"
)
_DURATIONS = (
    "SELECT conversion_duration_ms FROM archive_entries "
    "WHERE converter_name = ? ORDER BY conversion_timestamp DESC, archive_id DESC LIMIT ?"
)
_RECEIVED = "SELECT converter_name, count(*) FROM archive_entries WHERE archive_id >= ? GROUP BY +converter_name"
"""``+``: the few new entries are found by their ids, and not all of a converter's (sqlite.org/optoverview)."""


def received(db: Connection, since: datetime) -> list[tuple[str, int]]:
    """Return how many entries each converter got since then, by their ids; reads these entries alone."""
    found = execute(db, _RECEIVED, (f"{since.astimezone(UTC):%Y%m%d%H%M%S}",)).fetchall()
    return [(str(name), int(number)) for name, number in found]


def failed_since(db: Connection, since: datetime) -> list[FailedFor]:
    """Return why entries failed since then; reads the index of failures alone."""
    rows = execute(db, _FAILED, (moment_to_text(since),)).fetchall()
    return [FailedFor(reason, number, text_to_moment(newest)) for reason, number, newest in rows]


def newest_error(db: Connection, reason: str) -> tuple[str, str]:
    """Return when the newest entry failed for a reason, and its error; both are empty if there is none."""
    row = execute(db, _NEWEST, (reason,)).fetchone()
    return (str(row[0]), str(row[1] or "")) if row else ("", "")


def latest_durations(db: Connection, converter_name: str, *, limit: int) -> list[int]:
    """Return the durations of a converter's latest conversions, in milliseconds."""
    rows = execute(db, _DURATIONS, (converter_name, limit)).fetchall()
    return [int(duration) for (duration,) in rows if duration is not None]
