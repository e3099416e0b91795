"""Purges, finished and unfinished, and holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import vault_gate
from pywats_archive.catalog.column_types import json_to_text, moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.retention.purge import Hold, Purge, PurgeReason

_OPEN_STATES = ", ".join(f"'{state.value}'" for state in ArrivalState if not state.is_final)
IS_OVER = (
    "(conversion_status NOT IN ('PENDING', 'SUSPENDED') OR conversion_status = 'PENDING' AND rebuilt_at IS NOT NULL) "
    "AND NOT EXISTS (SELECT 1 FROM arrivals a WHERE a.archive_id = archive_entries.archive_id "
    f"AND a.state IN ({_OPEN_STATES}))"
)
"""The condition of entries that are neither to be converted nor in progress."""
_MARK = (
    "UPDATE archive_entries SET purged_at = ?, purge_id = ? WHERE archive_id IN (SELECT value FROM json_each(?)) "
    f"AND purged_at IS NULL AND hold_reason IS NULL AND {IS_OVER} AND (? OR NOT EXISTS (SELECT 1 FROM reports r "
    "WHERE r.archive_id = archive_entries.archive_id AND r.submission_state IN ('WAITING', 'REFUSED'))) AND NOT {missing} "
    "RETURNING archive_id, disk_size_bytes, source_checksum"
)
_MARK_NOTED = (
    "UPDATE archive_entries SET purged_at = ?, hold_reason = NULL, held_by = NULL, held_at = NULL WHERE archive_id = ?"
)
_HELD = "SELECT archive_id FROM archive_entries INDEXED BY idx_held WHERE hold_reason IS NOT NULL AND purged_at IS NULL"
_WITHHOLD = (
    "UPDATE reports SET submission_state = 'WITHHELD', last_error = 'purged before the server accepted it' "
    "WHERE submission_state IN ('WAITING', 'REFUSED') AND archive_id IN (SELECT value FROM json_each(?))"
)
_BLOBS = (
    "SELECT archive_id, archived_path, companions FROM archive_entries WHERE {0} UNION ALL "
    "SELECT archive_id, archived_path, NULL FROM reports WHERE archive_id IN (SELECT archive_id FROM archive_entries WHERE {0})"
)
_BLOBS_OF_PURGE = _BLOBS.format("purge_id = ?1")
_BLOBS_OF_IDS = _BLOBS.format("archive_id IN (SELECT value FROM json_each(?1))")
_PURGES = (
    "SELECT purge_timestamp, converter_name, archives_purged, bytes_freed, reason, actor, finished_at "
    "FROM purge_history ORDER BY id DESC LIMIT ?"
)
_UNFINISHED = f"SELECT id FROM purge_history WHERE finished_at IS NULL AND reason <> '{PurgeReason.ERASED.value}'"
"""Erasures have more to do than to remove bytes."""
_HOLD_COLUMNS = "archive_id, converter_name, hold_reason, held_by, held_at"


def begin(tx: Connection, converter_name: str, reason: PurgeReason, *, actor: str, now: datetime) -> int:
    """Begin a purge; returns its number. Until it is finished, every start looks for the blobs of its entries."""
    values = (moment_to_text(now), converter_name, 0, 0, reason.value, actor)
    number = execute(
        tx,
        "INSERT INTO purge_history (purge_timestamp, converter_name, archives_purged, bytes_freed, reason, actor) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        values,
    ).lastrowid
    assert number is not None
    return number


def mark(
    tx: Connection, purge_id: int, archive_ids: Iterable[str], *, unsubmitted: bool, now: datetime
) -> list[tuple[str, int, str]]:
    """Mark as purged those of the entries that may still be purged; returns id, bytes on disk and checksum of each.

    An entry that is held, pending, not in the vault that must have it, or (unless ``unsubmitted``) not accepted by the server
    at this moment is left as it is.
    """
    ids = json_to_text(list(archive_ids))
    query = _MARK.format(missing=vault_gate.is_missing(tx, now))
    marked = execute(tx, query, (moment_to_text(now), purge_id, ids, unsubmitted)).fetchall()
    gone = json_to_text([archive_id for archive_id, _, _ in marked])
    if unsubmitted:
        execute(tx, _WITHHOLD, (gone,))
    execute(tx, "DELETE FROM findings WHERE archive_id IN (SELECT value FROM json_each(?))", (gone,))
    values = (len(marked), sum(size for _, size, _ in marked), purge_id)
    execute(tx, "UPDATE purge_history SET archives_purged = ?, bytes_freed = ? WHERE id = ?", values)
    return marked


def withhold(tx: Connection, archive_ids: Iterable[str]) -> None:
    """Send no report of these entries any longer."""
    execute(tx, _WITHHOLD, (json_to_text(list(archive_ids)),))


def by_converter(db: Connection, archive_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return these entries by their converter, in the order of their numbers."""
    query = (
        "SELECT converter_name, archive_id FROM archive_entries WHERE archive_id IN (SELECT value FROM json_each(?)) "
        "ORDER BY entry_no"
    )
    found: dict[str, list[str]] = {}
    for name, archive_id in execute(db, query, (json_to_text(list(archive_ids)),)):
        found.setdefault(name, []).append(archive_id)
    return found


def mark_noted(tx: Connection, archive_id: str, *, at: datetime) -> None:
    """Mark an entry as purged, whose purge is on record elsewhere: nothing of it is held, sent or unfinished any longer."""
    ids = json_to_text([archive_id])
    execute(tx, _MARK_NOTED, (moment_to_text(at), archive_id))
    execute(tx, _WITHHOLD, (ids,))
    execute(tx, "DELETE FROM findings WHERE archive_id = ?", (archive_id,))


def unfinished(db: Connection) -> tuple[int, ...]:
    """Return the purges whose bytes may still exist."""
    return tuple(number for (number,) in execute(db, _UNFINISHED))


def blobs(db: Connection, purge_id: int) -> dict[str, tuple[str, ...]]:
    """Return the paths of the blobs of each entry of a purge, from the rows."""
    return _by_entry(execute(db, _BLOBS_OF_PURGE, (purge_id,)))


def blobs_of(db: Connection, archive_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the paths of the blobs of each of these entries, from the rows."""
    return _by_entry(execute(db, _BLOBS_OF_IDS, (json_to_text(list(archive_ids)),)))


def _by_entry(rows: Iterable[tuple[str, str, str | None]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for archive_id, path, companions in rows:
        mine = found.setdefault(archive_id, {})
        mine.update({each["archived_path"]: None for each in json.loads(companions or "[]")})
        mine[path] = None
    return {archive_id: tuple(path for path in paths if path) for archive_id, paths in found.items()}


def finish(tx: Connection, purge_id: int, now: datetime) -> None:
    """Record that all bytes of a purge are removed; one that purged nothing is deleted."""
    execute(tx, "DELETE FROM purge_history WHERE id = ? AND archives_purged = 0", (purge_id,))
    execute(tx, "UPDATE purge_history SET finished_at = ? WHERE id = ?", (moment_to_text(now), purge_id))


def history(db: Connection, limit: int) -> tuple[Purge, ...]:
    """Return the latest purges, newest first."""
    return tuple(map(_purge, execute(db, _PURGES, (limit,))))


def set_hold(tx: Connection, archive_id: str, *, reason: str | None, by: str | None, now: datetime) -> bool:
    """Hold an entry, or release it (no reason); False if it was purged already."""
    at = moment_to_text(now) if reason else None
    query = "UPDATE archive_entries SET hold_reason = ?, held_by = ?, held_at = ? WHERE archive_id = ? AND purged_at IS NULL"
    return execute(tx, query, (reason, by, at, archive_id)).rowcount > 0


def holds(db: Connection) -> tuple[Hold, ...]:
    """Return the holds, oldest entry first."""
    query = f"SELECT {_HOLD_COLUMNS} FROM archive_entries WHERE archive_id IN ({_HELD}) ORDER BY archive_id"
    return tuple(map(_hold, execute(db, query)))


def _purge(row: Any) -> Purge:
    at, name, number, freed, reason, actor, finished = row
    return Purge(
        purge_timestamp=datetime.fromisoformat(at),
        converter_name=name,
        archives_purged=number,
        bytes_freed=freed,
        reason=PurgeReason(reason),
        actor=actor,
        finished_at=datetime.fromisoformat(finished) if finished else None,
    )


def _hold(row: Any) -> Hold:
    archive_id, name, reason, by, at = row
    moment = datetime.fromisoformat(at) if at else datetime.min
    return Hold(archive_id=archive_id, converter_name=name, hold_reason=reason, held_by=by or "", held_at=moment)
