"""What is known about the time, and which entries were received while it was unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pywats_archive.catalog import upkeep_tables
from pywats_archive.catalog.column_types import moment_to_text
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.rows import Rows
from pywats_archive.models.ids import archive_id
from pywats_archive.models.retention.clock import DAY, UNTIL_THE_END, Known, Misdated, Voucher

_ROWS = Rows(upkeep_tables.clock, key="id")
_PUT = f"REPLACE INTO clock (id, {', '.join(_ROWS.names)}) VALUES (1, {', '.join('?' * len(_ROWS.names))})"
_BEGINNING = "SELECT kind FROM events WHERE kind <> 'rows' ORDER BY sequence LIMIT 1"
_LATEST = "SELECT entry_no, archive_id FROM archive_entries ORDER BY entry_no DESC LIMIT 10000"
_IS_DOUBTED = "SELECT 1 FROM alerts WHERE name = 'retention.clock'"


def known(db: Connection) -> Known | None:
    """Return the last trusted moment; None if no version recorded one yet."""
    row = execute(db, _ROWS.select).fetchone()
    if row is None:
        return None
    values = _ROWS.decode(row)
    at = values.pop("believed_at")
    return Known(
        **values | {"at": at, "voucher": Voucher(values["voucher"]), "is_disputed": bool(values["is_disputed"])}
    )


def put(tx: Connection, known: Known) -> None:
    """Store the last trusted moment."""
    values = [known.at if name == "believed_at" else getattr(known, name) for name in _ROWS.names]
    execute(tx, _PUT, [moment_to_text(value) if isinstance(value, datetime) else value for value in values])


def is_rebuilt(db: Connection) -> bool:
    """Whether the catalog was rebuilt from the blobs, so that its events say nothing about earlier times."""
    return bool(execute(db, _BEGINNING).fetchone() == ("catalog.rebuilt",))


def is_doubted(db: Connection) -> bool:
    """Whether an earlier version's alert on a doubted clock is still open."""
    return execute(db, _IS_DOUBTED).fetchone() is not None


def newest_entry(db: Connection) -> int:
    """Return the number of the newest entry; 0 if there is none."""
    number: int = execute(db, "SELECT coalesce(max(entry_no), 0) FROM archive_entries").fetchone()[0]
    return number


def newest_dated(db: Connection, moment: datetime, *, near: bool) -> int | None:
    """Return the newest entry whose id is within a day of ``moment``, or with ``near`` False the newest whose id is not.

    None if there is none among the latest 10,000.
    """
    within = "archive_id BETWEEN ? AND ?" if near else "archive_id NOT BETWEEN ? AND ?"
    values = [archive_id(each, "") for each in (moment - DAY, moment + DAY)]
    row = execute(db, f"SELECT max(entry_no) FROM ({_LATEST}) WHERE {within}", values).fetchone()
    return row[0] if row else None


def latest(db: Connection) -> Sequence[tuple[int, str]]:
    """Return the numbers and ids of the latest 10,000 entries, in the order in which they were added."""
    found: list[tuple[int, str]] = execute(db, _LATEST).fetchall()
    return found[::-1]


def add_misdated(tx: Connection, misdated: Misdated) -> None:
    """Record that the ids of some entries do not say when these were received."""
    values = (misdated.after_entry, misdated.upto_entry, moment_to_text(misdated.received_by))
    execute(tx, "INSERT INTO misdated (after_entry, upto_entry, received_by) VALUES (?, ?, ?)", values)


def end_misdated(tx: Connection, at: datetime) -> None:
    """Let entries of a doubt that a rebuild interrupted count as received at its end."""
    values = (moment_to_text(at), moment_to_text(UNTIL_THE_END))
    execute(tx, "UPDATE misdated SET received_by = ? WHERE received_by = ?", values)


def misdated(db: Connection) -> Sequence[Misdated]:
    """Return the entries whose ids do not say when they were received, oldest first."""
    rows = execute(db, "SELECT after_entry, upto_entry, received_by FROM misdated ORDER BY after_entry")
    return [
        Misdated(after_entry=after, upto_entry=upto, received_by=datetime.fromisoformat(at)) for after, upto, at in rows
    ]
