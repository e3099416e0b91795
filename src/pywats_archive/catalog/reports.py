"""Reports: each document of each conversion, and the outbox among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog import tables
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute, rows
from pywats_archive.catalog.rows import BadRow, Rows, sound_or_bad
from pywats_archive.errors import CatalogDamaged
from pywats_archive.models.report import (
    FOLLOWED,
    GONE,
    ROLLED_BACK,
    Refusal,
    Report,
    SubmissionState,
    id_key,
    spellings,
)

_ROWS = Rows(tables.reports, key="report_no")
_OF_ENTRY = f"{_ROWS.select} WHERE archive_id = ? ORDER BY report_no"
_WAITING = SubmissionState.WAITING.value
_ACCEPTED = SubmissionState.ACCEPTED.value
_WITHHELD = SubmissionState.WITHHELD.value
_WITHHOLD = "UPDATE reports SET submission_state = ?, last_error = ?, next_try_at = NULL"
_SENT = (
    "submission_state IN (?, ?) OR tries > 0 OR submission_state = ? "
    "AND (last_error IN (?, ?, ?) OR last_error IS NULL AND conversion_id IS NULL)"  # Report.is_sending_unknown
)


def add(tx: Connection, report: Report) -> int:
    """Add a report; returns its number."""
    values = {name: getattr(report, name) for name in report.__slots__}
    return _ROWS.insert(tx, values | {"submission_state": report.submission_state.value})


def put(tx: Connection, report: Report) -> None:
    """Add a report, or write all of the one that has its blob."""
    values = {name: getattr(report, name) for name in report.__slots__} | {
        "submission_state": report.submission_state.value
    }
    if not _ROWS.update(tx, "archived_path", report.archived_path, values):
        _ROWS.insert(tx, values)


def of_entry(db: Connection, archive_id: str) -> tuple[Report, ...]:
    """Return an entry's reports, in the order they were archived."""
    return tuple(map(_report, execute(db, _OF_ENTRY, (archive_id,))))


def count_of_entry(db: Connection, archive_id: str) -> int:
    """Count an entry's reports."""
    return int(execute(db, "SELECT count(*) FROM reports WHERE archive_id = ?", (archive_id,)).fetchone()[0])


def by_id(db: Connection, after: Any, upto: Any) -> tuple[Report | BadRow, ...]:
    """Return the reports of all archive ids after ``after`` up to ``upto``, in the order of ids and archiving.

    An invalid row is returned as such.
    """
    between = "WHERE archive_id > ? AND archive_id <= ? ORDER BY archive_id, report_no"
    return _judged(rows(db, f"{_ROWS.select} {between}", (after, upto)))


def of_id(db: Connection, archive_id: str) -> tuple[Report | BadRow, ...]:
    """Return an entry's reports, in the order they were archived; an invalid row is returned as such."""
    return _judged(rows(db, _OF_ENTRY, (archive_id,)))


def elsewhere(db: Connection, report_id: str, *, of: str) -> tuple[Report, ...]:
    """Return the reports of this id, in any spelling, of other entries than ``of``."""
    spelt = spellings(report_id)
    among = f"WHERE report_id IN ({', '.join('?' * len(spelt))}) AND archive_id <> ? ORDER BY report_no"
    return tuple(map(_report, execute(db, f"{_ROWS.select} {among}", (*spelt, of))))


def sent(db: Connection, report_ids: Collection[str]) -> tuple[Report, ...]:
    """Return the reports of these ids, of all entries, that wait, were accepted or tried; of each id in the order archived.

    Those of which only a lost catalog knew whether they were sent are among them.
    """
    found: list[Report] = []
    for report_id in sorted(set(report_ids)):
        which = f"WHERE report_id = ? AND ({_SENT}) ORDER BY report_no"
        values = (report_id, _WAITING, _ACCEPTED, _WITHHELD, FOLLOWED, GONE, ROLLED_BACK)
        found += map(_report, execute(db, f"{_ROWS.select} {which}", values))
    return tuple(found)


def later_elsewhere(db: Connection, report_id: str, *, of: str) -> tuple[Report, ...]:
    """Return the reports of this id of entries that came after ``of`` to the same converter, in the order archived."""
    after = (
        "JOIN archive_entries e ON e.archive_id = reports.archive_id "
        "JOIN archive_entries own ON own.archive_id = ? AND own.entry_no < e.entry_no "
        "AND own.converter_name = e.converter_name WHERE reports.report_id = ? ORDER BY report_no"
    )
    return tuple(map(_report, execute(db, f"{_ROWS.select} {after}", (of, report_id))))


def id_after(db: Connection, after: Any, count: int) -> Any:
    """Return the archive id of the ``count``-th next report after ``after``, or of the last; None if there is none."""
    ids = "SELECT archive_id FROM reports WHERE archive_id > ? ORDER BY archive_id LIMIT ?"
    return rows(db, f"SELECT max(archive_id) FROM ({ids})", (after, count))[0][0]


def due(db: Connection, now: datetime, limit: int, *, latest: datetime) -> tuple[Report, ...]:
    """Return reports that wait for the server and may be tried at ``now``, or only after ``latest``; oldest first."""
    may_be_tried = "submission_state = ? AND (next_try_at IS NULL OR next_try_at <= ? OR next_try_at > ?)"
    oldest = f"{_ROWS.select} WHERE {may_be_tried} ORDER BY report_no LIMIT ?"
    return tuple(map(_report, execute(db, oldest, (_WAITING, moment_to_text(now), moment_to_text(latest), limit))))


def waiting_count(db: Connection) -> int:
    """Count the reports that wait for the server."""
    return int(execute(db, "SELECT count(*) FROM reports WHERE submission_state = ?", (_WAITING,)).fetchone()[0])


def refused(db: Connection, since: datetime) -> Iterator[Refusal]:
    """Stream the refused reports that their entries show, of conversions since then, in the order they were archived."""
    shown = (
        "SELECT e.converter_name, e.archive_id, coalesce(r.last_error, '') FROM reports r "
        "JOIN archive_entries e ON e.archive_id = r.archive_id JOIN conversions c ON c.conversion_id = r.conversion_id "
        "WHERE r.submission_state = ? AND e.purged_at IS NULL AND c.started_at = e.conversion_timestamp "
        "AND c.started_at >= ? ORDER BY r.report_no"
    )
    for name, archive_id, reason in execute(db, shown, (SubmissionState.REFUSED.value, moment_to_text(since))):
        yield Refusal(converter_name=name, archive_id=archive_id, reason=reason)


def overdue(db: Connection, before: datetime, *, tries: int) -> Iterator[Refusal]:
    """Stream the reports that are still waiting after so many tries, of conversions before then, latest first."""
    waiting = (
        "SELECT e.converter_name, e.archive_id, coalesce(r.last_error, '') FROM reports r "
        "JOIN archive_entries e ON e.archive_id = r.archive_id JOIN conversions c ON c.conversion_id = r.conversion_id "
        "WHERE r.submission_state = ? AND r.tries >= ? AND c.started_at <= ? ORDER BY r.report_no DESC"
    )
    for name, archive_id, reason in execute(db, waiting, (_WAITING, tries, moment_to_text(before))):
        yield Refusal(converter_name=name, archive_id=archive_id, reason=reason)


def set_submission(
    tx: Connection,
    report: Report,
    *,
    state: SubmissionState,
    tries: int,
    last_error: str | None,
    next_try_at: datetime | None,
    accepted_at: datetime | None,
) -> None:
    """Store a report's submission; one withheld while it was sent stays withheld, unless the server accepted it."""
    if state is not SubmissionState.ACCEPTED and _is_withheld(tx, report):
        return
    changes = {
        "submission_state": state.value,
        "tries": tries,
        "last_error": last_error,
        "next_try_at": next_try_at,
        "accepted_at": accepted_at,
    }
    _ROWS.update(tx, "archived_path", report.archived_path, changes)


def _is_withheld(tx: Connection, report: Report) -> bool:
    known = "SELECT submission_state FROM reports WHERE archived_path = ?"
    row = execute(tx, known, (report.archived_path,)).fetchone()
    return row is not None and row[0] == SubmissionState.WITHHELD.value


def withhold(tx: Connection, report: Report, *, reason: str) -> None:
    """Record that a waiting report is no longer to be sent."""
    values = (_WITHHELD, reason, report.archived_path, _WAITING)
    execute(tx, f"{_WITHHOLD} WHERE archived_path = ? AND submission_state = ?", values)


def withhold_all(tx: Connection, archive_id: str, *, reason: str) -> None:
    """Record that no waiting report of an entry is to be sent, even if its row is invalid."""
    values = (_WITHHELD, reason, archive_id, _WAITING)
    execute(tx, f"{_WITHHOLD} WHERE archive_id = ? AND submission_state = ?", values)


def newest_number(db: Connection) -> int:
    """Return the number of the report that was added last; 0 if there is none."""
    return int(execute(db, "SELECT max(report_no) FROM reports").fetchone()[0] or 0)


def withhold_followed(tx: Connection, *, by_those_after: int, reason: str) -> None:
    """Record that waiting reports are not to be sent if one added after that number has their id, or is of their entry.

    Ids are compared whatever their spelling.
    """
    waiting = "SELECT report_no, report_id, archive_id FROM reports WHERE submission_state = ? AND report_no <= ?"
    by_name: dict[str, list[int]] = {}
    for number, report_id, archive_id in rows(tx, waiting, (_WAITING, by_those_after)):
        for name in (id_key(report_id), archive_id):
            by_name.setdefault(name, []).append(number)
    followed: set[int] = set()
    later = "SELECT report_id, archive_id FROM reports WHERE report_no > ?"
    for report_id, archive_id in execute(tx, later, (by_those_after,)) if by_name else ():
        followed.update(by_name.get(id_key(report_id), ()), by_name.get(archive_id, ()))
    for number in sorted(followed):
        execute(tx, f"{_WITHHOLD} WHERE report_no = ?", (_WITHHELD, reason, number))


def let_wait_again(tx: Connection, report: Report, *, withheld_because: str) -> None:
    """Record that a report that was withheld for this reason is to be sent after all."""
    waiting = "UPDATE reports SET submission_state = ?, last_error = NULL WHERE archived_path = ?"
    values = (_WAITING, report.archived_path, SubmissionState.WITHHELD.value, withheld_because)
    execute(tx, f"{waiting} AND submission_state = ? AND last_error = ?", values)


def set_removed(tx: Connection, report: Report) -> None:
    """Record that a report's document is removed."""
    _ROWS.update(tx, "archived_path", report.archived_path, {"disk_size_bytes": 0})


def _judged(found: Iterable[Any]) -> tuple[Report | BadRow, ...]:
    return tuple(sound_or_bad(found, _decoded, label="a report's row of {0}"))


def _report(row: Any) -> Report:
    """Return the report of a row; CatalogDamaged names an invalid row."""
    (made,) = _judged([row])
    if isinstance(made, BadRow):
        raise CatalogDamaged(f"{made.fault}: run 'pywats-archive rebuild'")
    return made


def _decoded(row: Any) -> Report:
    values = _ROWS.decode(row)
    return Report(**values | {"submission_state": SubmissionState(values["submission_state"])})
