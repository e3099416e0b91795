"""Purge candidates in the order of receipt: that of archive ids, except for entries received during a clock doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import chain, islice

from sqlalchemy import Connection

from pywats_archive.catalog.column_types import json_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.tables import IS_OPEN
from pywats_archive.models.ids import archive_id
from pywats_archive.models.retention.clock import Misdated
from pywats_archive.models.retention.purge import Candidate

_CANDIDATES = (
    "SELECT archive_id, conversion_status, disk_size_bytes, hold_reason IS NOT NULL, "
    "archive_id IN (SELECT archive_id FROM reports WHERE submission_state IN ('WAITING', 'REFUSED')), "
    "archive_id IN (SELECT archive_id FROM arrivals INDEXED BY idx_arrival_open "
    f"WHERE {IS_OPEN} AND archive_id IS NOT NULL), "
    "CASE conversion_status WHEN 'PENDING' THEN rebuilt_at IS NOT NULL ELSE 0 END, "  # reads rows only of PENDING entries
    "{{missing}}, {} "
    "FROM archive_entries {} WHERE {} AND purged_at IS NULL"
)
_OF_CONVERTER = _CANDIDATES.format(
    "''", "INDEXED BY idx_retention", "converter_name = ? AND archive_id > ? AND archive_id < ?"
)
_OF_RANGE = _CANDIDATES.format("?, entry_no", "", "converter_name = ? AND entry_no > ? AND entry_no <= ?")
_OF_IDS = _CANDIDATES.format("''", "", "archive_id IN (SELECT value FROM json_each(?))")
_NEWEST = "SELECT archive_id FROM archive_entries WHERE converter_name = ? AND purged_at IS NULL"
_IN_RANGE = (
    "SELECT count(*) FROM archive_entries WHERE converter_name = ? AND entry_no > ? AND entry_no <= ? "
    "AND purged_at IS NULL"
)
_AT_ONCE = 5_000


def candidates(
    db: Connection, converter_name: str, *, before: str, misdated: Sequence[Misdated] = (), missing: str = "0"
) -> Iterator[Candidate]:
    """Stream a converter's purge candidates, oldest first.

    Only those received before ``before``, in the form of an archive id. ``missing`` is the condition of ``vault_gate``.
    """
    dated = _dated(db, converter_name, before, misdated, missing)
    if not misdated:
        return dated
    undated = (_undated(db, converter_name, each, missing) for each in misdated if received(each) < before)
    return merge(dated, *undated, key=lambda each: each.received or each.archive_id)


def converters_of(db: Connection, archive_ids: Sequence[str]) -> dict[str, str]:
    """Return the converter of each of these entries."""
    text = "SELECT archive_id, converter_name FROM archive_entries WHERE archive_id IN (SELECT value FROM json_each(?))"
    return dict(execute(db, text, (json_to_text(list(archive_ids)),)).fetchall())


def candidates_named(db: Connection, archive_ids: Sequence[str], *, missing: str = "0") -> tuple[Candidate, ...]:
    """Return those of these entries that are not purged yet as candidates, oldest first."""
    rows = execute(db, f"{_OF_IDS.format(missing=missing)} ORDER BY archive_id", (json_to_text(list(archive_ids)),))
    return tuple(map(Candidate._make, rows))


def first_of_newest(
    db: Connection, converter_name: str, count: int, *, misdated: Sequence[Misdated] = ()
) -> str | None:
    """Return when the oldest of the newest ``count`` entries of a converter was received; None if it has fewer.

    In the form of an archive id. Entries received during a clock doubt count together.
    """
    query = f"{_NEWEST}{_outside(misdated)} ORDER BY archive_id DESC LIMIT ?"
    dated = (str(name) for (name,) in execute(db, query, (converter_name, count)))
    undated = ((received(each) for _ in range(_count(db, converter_name, each))) for each in reversed(misdated))
    newest_first = merge(dated, chain.from_iterable(undated), reverse=True)
    return next(islice(newest_first, count - 1, None), None)


def newest_id(db: Connection, *, misdated: Sequence[Misdated]) -> str | None:
    """Return the greatest archive id that says when its entry was received; None if there is none."""
    query = f"SELECT archive_id FROM archive_entries WHERE TRUE{_outside(misdated)} ORDER BY archive_id DESC LIMIT 1"
    row = execute(db, query).fetchone()
    return str(row[0]) if row else None


def received(misdated: Misdated) -> str:
    """Return the beginning of an archive id that would be assigned at the end of a doubt."""
    return archive_id(misdated.received_by, "")


def _dated(
    db: Connection, converter_name: str, before: str, misdated: Sequence[Misdated], missing: str
) -> Iterator[Candidate]:
    query, after = f"{_OF_CONVERTER.format(missing=missing)}{_outside(misdated)} ORDER BY archive_id LIMIT ?", ""
    while True:
        rows = execute(db, query, (converter_name, after, before, _AT_ONCE)).fetchall()
        yield from map(Candidate._make, rows)
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1][0]


def _undated(db: Connection, converter_name: str, misdated: Misdated, missing: str) -> Iterator[Candidate]:
    query, after = f"{_OF_RANGE.format(missing=missing)} ORDER BY entry_no LIMIT ?", misdated.after_entry
    while True:
        values = (received(misdated), converter_name, after, misdated.upto_entry, _AT_ONCE)
        rows = execute(db, query, values).fetchall()
        yield from (Candidate._make(row[:-1]) for row in rows)
        if len(rows) < _AT_ONCE:
            return
        after = rows[-1][-1]


def _count(db: Connection, converter_name: str, misdated: Misdated) -> int:
    number: int = execute(db, _IN_RANGE, (converter_name, misdated.after_entry, misdated.upto_entry)).fetchone()[0]
    return number


def _outside(misdated: Sequence[Misdated]) -> str:
    return "".join(f" AND NOT entry_no BETWEEN {each.after_entry + 1} AND {each.upto_entry}" for each in misdated)
