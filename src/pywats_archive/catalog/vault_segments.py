"""The segments that a vault has, as far as this catalog knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import moment_to_text, text_to_moment
from pywats_archive.catalog.driver import execute

_COLUMNS = "first, last, hash, entry_no, report_no, sha256, size_bytes, shipped_at"
_LAST = f"SELECT {_COLUMNS} FROM vault_segments WHERE vault = ? AND chain = ? ORDER BY first DESC LIMIT 1"
_ADD = f"REPLACE INTO vault_segments (vault, chain, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALL = "SELECT first, last, size_bytes FROM vault_segments WHERE vault = ? AND chain = ? ORDER BY first"
_ONE = f"SELECT {_COLUMNS} FROM vault_segments WHERE vault = ? AND chain = ? AND first = ?"
_BEFORE = (
    f"SELECT {_COLUMNS} FROM vault_segments WHERE vault = ? AND chain = ? AND first < ? ORDER BY first DESC LIMIT 1"
)
_COPIED_BY = "SELECT coalesce(max(last), 0) FROM vault_segments WHERE vault = ? AND chain = ? AND shipped_at < ?"
_WAITING = "SELECT count(*), min(at) FROM events WHERE sequence > ?"
_WITH_EVENT = (
    "SELECT first, last, size_bytes FROM vault_segments WHERE vault = ? AND chain = ? AND first <= ? "
    "ORDER BY first DESC LIMIT 1"
)
_ENDING_WITH = (
    "SELECT last, entry_no, report_no FROM vault_segments WHERE vault = ? AND chain = ? AND first <= ? "
    "ORDER BY first DESC LIMIT 1"
)
_GREATEST_BEFORE = (
    "SELECT coalesce(max(entry_no), 0), coalesce(max(report_no), 0) FROM vault_segments "
    "WHERE vault = ? AND chain = ? AND first < ?"
)
_NEWEST_VAULT = "SELECT vault FROM vault_segments WHERE chain = ? ORDER BY first DESC, shipped_at DESC LIMIT 1"
_WAITING_BYTES = (
    "SELECT coalesce(sum(disk_size_bytes), 0) FROM archive_entries WHERE entry_no > ? AND purged_at IS NULL"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippedSegment:
    """A segment that a vault has."""

    first: int
    last: int
    """The numbers of its first and last event."""
    hash: str
    """The hash of its last event."""
    entry_no: int
    report_no: int
    """The greatest numbers of an entry and of a report in it and in all before."""
    sha256: str
    """Of the whole object; empty if only its repair is known."""
    size_bytes: int
    at: datetime
    """When its files were read: those that changed later are not in it."""


def last(db: Connection, vault: str, chain: str) -> ShippedSegment | None:
    """Return the newest segment of a chain that a vault is known to have."""
    return _segment(execute(db, _LAST, (vault, chain)).fetchone())


def at(db: Connection, vault: str, chain: str, first: int) -> ShippedSegment | None:
    """Return the segment that begins with an event."""
    return _segment(execute(db, _ONE, (vault, chain, first)).fetchone())


def before(db: Connection, vault: str, chain: str, first: int) -> ShippedSegment | None:
    """Return the newest segment that begins before an event."""
    return _segment(execute(db, _BEFORE, (vault, chain, first)).fetchone())


def _segment(row: Sequence[Any] | None) -> ShippedSegment | None:
    if row is None:
        return None
    first, end, chained, entry_no, report_no, sha256, size_bytes, read_at = row
    return ShippedSegment(
        first=first,
        last=end,
        hash=chained,
        entry_no=entry_no,
        report_no=report_no,
        sha256=sha256,
        size_bytes=size_bytes,
        at=text_to_moment(read_at),
    )


def add(tx: Connection, vault: str, chain: str, segment: ShippedSegment) -> None:
    """Note that a vault has a segment; no event binds the row, since that event would need a segment itself."""
    each = segment
    values = (each.first, each.last, each.hash, each.entry_no, each.report_no, each.sha256, each.size_bytes)
    execute(tx, _ADD, (vault, chain, *values, moment_to_text(each.at)))


def copied_by(db: Connection, vault: str, chain: str, at: datetime) -> int:
    """Return the number of the last event in the segments of a chain whose files were read before a moment; 0 without any."""
    (number,) = execute(db, _COPIED_BY, (vault, chain, moment_to_text(at))).fetchone()
    return int(number)


def waiting(db: Connection, after: int) -> tuple[int, datetime | None]:
    """Return how many events follow the one with this number, and the time of the oldest."""
    number, at = execute(db, _WAITING, (after,)).fetchone()
    return int(number), text_to_moment(at) if at else None


def waiting_bytes(db: Connection, after: int) -> int:
    """Return the disk space of the blobs of all entries after the one with this number."""
    (size,) = execute(db, _WAITING_BYTES, (after,)).fetchone()
    return int(size)


def forget(tx: Connection, vault: str, chain: str) -> None:
    """Remove the known segments of a chain in a vault."""
    execute(tx, "DELETE FROM vault_segments WHERE vault = ? AND chain = ?", (vault, chain))


def all_of(db: Connection, vault: str, chain: str) -> list[tuple[int, int, int]]:
    """Return first and last event, and the size, of each segment of a chain that a vault is known to have, oldest first."""
    return [(int(first), int(last), int(size)) for first, last, size in execute(db, _ALL, (vault, chain))]


def with_event(db: Connection, vault: str, chain: str, sequence: int) -> tuple[int, int] | None:
    """Return the first event and the size of the segment that has an event; None if no known segment has it."""
    row = execute(db, _WITH_EVENT, (vault, chain, sequence)).fetchone()
    return (int(row[0]), int(row[2])) if row and sequence <= row[1] else None


def numbers_at(db: Connection, vault: str, chain: str, sequence: int) -> tuple[int, int] | None:
    """Return the greatest numbers of an entry and of a report up to an event that ends a segment; None if none is known."""
    row = execute(db, _ENDING_WITH, (vault, chain, sequence)).fetchone()
    return (int(row[1]), int(row[2])) if row and row[0] == sequence else None


def numbers_before(db: Connection, vault: str, chain: str, sequence: int) -> tuple[int, int]:
    """Return the greatest numbers of an entry and of a report in the segments before an event; 0 if there are none."""
    entry_no, report_no = execute(db, _GREATEST_BEFORE, (vault, chain, sequence)).fetchone()
    return int(entry_no), int(report_no)


def newest_vault(db: Connection, chain: str) -> str | None:
    """Return the vault that a chain was shipped to last."""
    row = execute(db, _NEWEST_VAULT, (chain,)).fetchone()
    return str(row[0]) if row else None
