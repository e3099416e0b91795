"""When blobs were last read back, which entry is next, and what was found wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import tables
from pywats_archive.catalog.column_types import json_to_text, moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.rows import names_in
from pywats_archive.models.operation.integrity import Finding, Problem, ProblemKind
from pywats_archive.redaction import redacted

_OF_CONVERTER = (
    "SELECT archive_id FROM archive_entries INDEXED BY idx_retention "
    "WHERE converter_name = ? AND archive_id >= ? AND purged_at IS NULL ORDER BY archive_id LIMIT ?"
)
"""Converter by converter, since the index of what is not purged begins with that: the oldest may all be purged."""
_FOLLOWING = (
    "SELECT archive_id, coalesce(verified_at, created_at) FROM archive_entries "
    "WHERE archive_id IN (SELECT value FROM json_each(?)) ORDER BY archive_id LIMIT ?"
)
_ADD_FINDING = (
    "INSERT INTO findings (path, archive_id, kind, message, found_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, message = excluded.message"
)
_SET_TALLY = "REPLACE INTO scrub (id, next_id, since, blobs, read_bytes, problems) VALUES (1, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrubProgress:
    """How far the scrub is, and what it has read since its last event."""

    next_id: str = ""
    """The entry that is read back next; entries are read in the order of their ids, over and over."""
    since: datetime
    blobs: int = 0
    read_bytes: int = 0
    problems: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class LastCheck:
    """An entry, and when it was last read back, or archived."""

    archive_id: str
    at: datetime


def tally(db: Connection, *, now: datetime) -> ScrubProgress:
    """Return how far the scrub is; a progress that begins ``now`` if there was none."""
    row = execute(db, "SELECT next_id, since, blobs, read_bytes, problems FROM scrub").fetchone()
    if row is None:
        return ScrubProgress(since=now)
    next_id, since, blobs, read_bytes, problems = row
    moment = datetime.fromisoformat(since)
    return ScrubProgress(next_id=next_id, since=moment, blobs=blobs, read_bytes=read_bytes, problems=problems)


def set_tally(tx: Connection, tally: ScrubProgress) -> None:
    """Store how far the scrub is."""
    since = moment_to_text(tally.since)
    execute(tx, _SET_TALLY, (tally.next_id, since, tally.blobs, tally.read_bytes, tally.problems))


def following(db: Connection, from_id: str, limit: int) -> tuple[LastCheck, ...]:
    """Return the entries that hold bytes from ``from_id`` on, in the order of their ids."""
    found: list[str] = []
    for name in names_in(db, tables.entry_figures):
        found += (archive_id for (archive_id,) in execute(db, _OF_CONVERTER, (name, from_id, limit)))
    rows = execute(db, _FOLLOWING, (json_to_text(sorted(found)[:limit]), limit))
    return tuple(LastCheck(archive_id=name, at=datetime.fromisoformat(at)) for name, at in rows)


def set_verified(tx: Connection, archive_id: str, report_paths: Iterable[str], now: datetime) -> None:
    """Record that an entry's source and companions, and these of its reports, were read back."""
    at = moment_to_text(now)
    execute(tx, "UPDATE archive_entries SET verified_at = ? WHERE archive_id = ?", (at, archive_id))
    for path in report_paths:
        execute(tx, "UPDATE reports SET verified_at = ? WHERE archived_path = ?", (at, path))


def add_finding(tx: Connection, problem: Problem, now: datetime) -> bool:
    """Record that a blob is damaged; returns whether that is new."""
    is_known = execute(tx, "SELECT 1 FROM findings WHERE path = ?", (problem.path,)).fetchone() is not None
    values = (problem.path, problem.archive_id, problem.kind.value, redacted(problem.message), moment_to_text(now))
    execute(tx, _ADD_FINDING, values)
    return not is_known


def clear_finding(tx: Connection, path: str) -> bool:
    """Remove the finding of a blob; returns whether there was one."""
    return execute(tx, "DELETE FROM findings WHERE path = ?", (path,)).rowcount > 0


def findings(db: Connection) -> tuple[Finding, ...]:
    """Return the findings, oldest first."""
    rows = execute(db, "SELECT path, archive_id, kind, message, found_at FROM findings ORDER BY found_at, path")
    return tuple(map(_finding, rows))


def finding_count(db: Connection) -> int:
    """Count the findings."""
    return int(execute(db, "SELECT count(*) FROM findings").fetchone()[0])


def _finding(row: Any) -> Finding:
    path, archive_id, kind, message, found_at = row
    problem = Problem(kind=ProblemKind(kind), path=path, archive_id=archive_id, message=message)
    return Finding(problem=problem, found_at=datetime.fromisoformat(found_at))
