"""The old catalog's record of the time, for the new catalog that replaces it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from pywats_archive.catalog import clock
from pywats_archive.catalog.driver import execute
from pywats_archive.models.retention.clock import UNTIL_THE_END, Known, Misdated, Voucher

_MISDATED = (
    "SELECT e.archive_id, m.received_by FROM misdated m JOIN archive_entries e "
    "ON e.entry_no > m.after_entry AND e.entry_no <= m.upto_entry WHERE e.purged_at IS NULL"
)
_DOUBTED = "SELECT archive_id FROM archive_entries WHERE entry_no > ? AND purged_at IS NULL"


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerClock:
    """The last trusted moment, and the entries of doubtful times by their archive ids."""

    known: Known | None
    """None if its version did not record that yet."""
    received_by: dict[str, datetime]


def former_clock(path: Path) -> FormerClock | None:
    """Read the record of the time in the database at ``path``; None if it cannot be read completely. Changes nothing."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'misdated'").fetchone():
                return FormerClock(known=None, received_by={})
            row = db.execute("SELECT * FROM clock").fetchone()
            known = _known(row) if row else None
            entries = {name: datetime.fromisoformat(at) for name, at in db.execute(_MISDATED)}
            if known and known.doubted_after is not None:
                entries |= {name: UNTIL_THE_END for (name,) in db.execute(_DOUBTED, (known.doubted_after,))}
            return FormerClock(known=known, received_by=entries)
    except (sqlite3.Error, ValueError, TypeError, IndexError, KeyError):
        return None


def copy_into(tx: Connection, former: FormerClock) -> None:
    """Store it in the new catalog, whose entries have other numbers."""
    for each in _ranges(tx, former.received_by):
        clock.add_misdated(tx, each)
    if former.known:
        is_doubted = former.known.doubted_since is not None
        newest = clock.newest_entry(tx)
        never = former.known.vouched_upto == 0
        copied = replace(
            former.known, doubted_after=newest if is_doubted else None, vouched_upto=0 if never else newest
        )
        clock.put(tx, copied)


def _ranges(tx: Connection, received_by: dict[str, datetime]) -> Iterator[Misdated]:
    """Join entries with consecutive numbers that count as received at the same moment."""
    found: Misdated | None = None
    for archive_id in sorted(received_by):
        row = execute(tx, "SELECT entry_no FROM archive_entries WHERE archive_id = ?", (archive_id,)).fetchone()
        if row is None:
            continue
        number, at = row[0], received_by[archive_id]
        if found and found.received_by == at and number == found.upto_entry + 1:
            found = replace(found, upto_entry=number)
            continue
        if found:
            yield found
        found = Misdated(after_entry=number - 1, upto_entry=number, received_by=at)
    if found:
        yield found


def _known(row: sqlite3.Row) -> Known:
    since = row["doubted_since"]
    return Known(
        at=datetime.fromisoformat(row["believed_at"]),
        boot_id=row["boot_id"],
        uptime_s=row["uptime_s"],
        credit_s=row["credit_s"],
        voucher=Voucher(row["voucher"]),
        is_disputed=bool(row["is_disputed"]),
        doubted_since=datetime.fromisoformat(since) if since else None,
        doubted_after=row["doubted_after"],
        vouched_upto=row["vouched_upto"] if "vouched_upto" in row.keys() else None,  # noqa: SIM118 (a Row has no others)
    )
