"""Contradictions between the ledger, entries and reports, and invalid rows of the ledger."""

from __future__ import annotations

from sqlalchemy import Connection

from pywats_archive.catalog import arrivals
from pywats_archive.catalog.driver import rows
from pywats_archive.catalog.rows import BadRow
from pywats_archive.catalog.tables import IS_OPEN

NEWEST = 50_000
"""Of so many entries, the newest, it is checked whether they came from an arrival: 0.1 s."""
_CONTRADICTIONS = {
    "{0} is said to be archived, and no entry is named": (
        "SELECT path FROM arrivals WHERE archive_id IS NULL AND state NOT IN ('seen', 'vanished', 'refused') "
        "AND NOT (state = 'skipped' AND moved_to IS NOT NULL)"  # passed to another converter when it was only seen
    ),
    "entry {0} came from no arrival": (
        "SELECT archive_id FROM archive_entries e WHERE NOT EXISTS "
        "(SELECT 1 FROM arrivals a WHERE a.archive_id = e.archive_id) "
        "AND EXISTS (SELECT 1 FROM arrivals a WHERE a.converter_name = e.converter_name) "  # others were not dropped
        "AND NOT EXISTS (SELECT 1 FROM events v WHERE v.archive_id = e.archive_id AND v.kind LIKE 'source.%' "
        "AND CASE WHEN json_valid(v.details) THEN json_extract(v.details, '$.origin') END = 'imported') "
        "AND e.rebuilt_at IS NULL AND e.created_at > "  # of an entry from its blobs, the ledger was lost
        "coalesce((SELECT at FROM events WHERE sequence = 1 AND kind = 'catalog.rebuilt'), '') "  # the ledger began then
        f"AND e.entry_no > (SELECT max(entry_no) FROM archive_entries) - {NEWEST}"
    ),
    "{0} is done, and a report of it still waits for the server": (
        "SELECT path FROM arrivals WHERE state = 'done' AND archive_id IN "
        "(SELECT r.archive_id FROM reports r LEFT JOIN conversions c ON c.conversion_id = r.conversion_id "
        "WHERE submission_state = 'WAITING' AND c.run_id IS NULL)"  # a replay comes after
    ),
}
_READ_MANY = frozenset({"entry {0} came from no arrival"})
_BAD_OPEN = arrivals.SELECT.replace("FROM arrivals", f"FROM arrivals INDEXED BY idx_arrival_open WHERE {IS_OPEN}")


def disagreements(db: Connection, *, is_quick: bool = False) -> tuple[str, ...]:
    """Return the contradictions between arrivals, entries and reports; a hundred of each kind at most.

    ``is_quick`` leaves out what takes longer in a larger archive.
    """
    asked = {fault: query for fault, query in _CONTRADICTIONS.items() if not (is_quick and fault in _READ_MANY)}
    faults = tuple(fault.format(value) for fault, query in asked.items() for (value,) in rows(db, f"{query} LIMIT 100"))
    return faults if is_quick else faults + tuple(bad.fault for bad in bad_open(db)[:100])


def bad_open(db: Connection) -> tuple[BadRow, ...]:
    """Return the invalid arrivals that are not known to be finished."""
    return tuple(row for row in arrivals.judge(rows(db, _BAD_OPEN)) if isinstance(row, BadRow))


def bad_rows(db: Connection, after: int, limit: int) -> tuple[int | None, tuple[BadRow, ...]]:
    """Read the next arrivals after this number; returns the last number, if any, and the invalid rows."""
    found = rows(db, f"{arrivals.SELECT} WHERE arrival_id > ? ORDER BY arrival_id LIMIT ?", (after, limit))
    bad = tuple(row for row in arrivals.judge(found) if isinstance(row, BadRow))
    return (found[-1][0] if found else None), bad
