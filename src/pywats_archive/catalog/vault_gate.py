"""The rule that the vault must have an entry before it is purged (invariant 13)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from pywats_archive.catalog import exporting, vault_segments
from pywats_archive.catalog.column_types import moment_to_text, text_to_moment
from pywats_archive.catalog.driver import execute
from pywats_archive.catalog.events import append, last_number
from pywats_archive.models.event import Event

VALID_FOR = timedelta(days=1)
"""How long a confirmation of the vault counts."""
_CONFIRMED = "vault.confirmed"
_GATE = "SELECT vault, chain, last, confirmed_at FROM vault_gate WHERE id = 1"
_PUT = "REPLACE INTO vault_gate (id, vault, chain, last, confirmed_at) VALUES (1, ?, ?, ?, ?)"
_CONFIRM = "UPDATE vault_gate SET chain = ?, last = ?, confirmed_at = ? WHERE vault = ?"
_LARGE = "SELECT path, sha256 FROM vault_large WHERE vault = ?"
_ADD_LARGE = "REPLACE INTO vault_large (vault, path, archive_id, sha256, is_there) VALUES (?, ?, ?, ?, NULL)"
_IS_THERE = "UPDATE vault_large SET is_there = ? WHERE vault = ? AND path = ? AND sha256 = ?"
_LACKING = (
    "SELECT path FROM vault_absent WHERE vault = ? "
    "UNION SELECT path FROM vault_large WHERE vault = ? AND is_there = 0 ORDER BY path"
)
_EVERY_ENTRY, _NO_ENTRY = "1", "0"
_FEW_EVENTS = 20_000
"""Up to this number of events after the confirmed one, a query lists their entries once; else it looks up each candidate."""
_IS_LISTED = "archive_entries.archive_id IN ({})"
_IS_ANY = "EXISTS ({} AND archive_id = archive_entries.archive_id)"
_LATER_REPORTS = "SELECT archive_id FROM reports WHERE report_no > {report_no}"
_LATER_EVENTS = "SELECT archive_id FROM events WHERE sequence > {last} AND archive_id IS NOT NULL"
_NOT_THERE = (
    "SELECT archive_id FROM vault_absent WHERE vault = (SELECT vault FROM vault_gate)",
    "SELECT archive_id FROM vault_large WHERE vault = (SELECT vault FROM vault_gate) AND is_there IS NOT 1",
)
"""Entries that the vault does not have whole. The numbers count too: a rebuild makes rows that have no event of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeBlob:
    """A blob that is an object of its own in a vault."""

    path: str
    """In the archive."""
    sha256: str
    """Of its bytes; the name of the object."""


def is_missing(db: Connection, now: datetime, *, of_many: bool = False) -> str:
    """Return the condition of entries that the vault has not confirmed, as SQL; ``0`` without that rule.

    With ``of_many`` the condition is fastest for thousands of entries in a query, without it for a few hundred.

    An entry is confirmed if its number, those of its reports, and all its events are up to those of the confirmed segment,
    none of its blobs was left out, and the vault has those that are in no segment. Nothing is if the vault was not asked within
    a day, or was asked about another history.
    """
    row = execute(db, _GATE).fetchone()
    if row is None:
        return _NO_ENTRY
    vault, chain, last, at = row
    is_valid = at is not None and abs(now - text_to_moment(at)) <= VALID_FOR and chain == exporting.chain_of(db)
    numbers = vault_segments.numbers_at(db, vault, chain, last) if is_valid else None
    if numbers is None:
        return _EVERY_ENTRY
    entry_no, report_no = numbers
    later = (_LATER_REPORTS.format(report_no=report_no), _LATER_EVENTS.format(last=int(last)))
    is_listed = of_many and last_number(db) - last <= _FEW_EVENTS
    conditions = (
        f"archive_entries.entry_no > {entry_no}",
        *(_IS_LISTED.format(each) if is_listed else _IS_ANY.format(each) for each in _with_results(db, later)),
        *(_IS_LISTED.format(each) for each in _with_results(db, _NOT_THERE)),
    )
    return f"({' OR '.join(conditions)})"


def _with_results(db: Connection, queries: Iterable[str]) -> Iterator[str]:
    """Yield the queries that have results now: any other would cost time for every entry of a plan."""
    return (each for each in queries if execute(db, f"{each} LIMIT 1").fetchone())


def required(db: Connection) -> str | None:
    """Return the vault that must have an entry before it is purged; None if none must."""
    row = execute(db, _GATE).fetchone()
    return str(row[0]) if row else None


def require(tx: Connection, vault: str | None, *, now: datetime) -> None:
    """Let nothing be purged that a vault has not confirmed, or with None, end that rule; an event records it."""
    if required(tx) == vault:
        return
    if vault is None:
        execute(tx, "DELETE FROM vault_gate")
        append(tx, Event(kind="vault.not_required", at=now))
        return
    execute(tx, _PUT, (vault, "", 0, None))
    append(tx, Event(kind="vault.required", at=now, details={"vault": vault}))


def confirm(
    tx: Connection, vault: str, chain: str, last: int, large: Mapping[LargeBlob, bool], *, now: datetime
) -> None:
    """Record up to which event the required vault has the history, and which larger blobs, as the vault says itself.

    Nothing is recorded if another vault is required by now, or none.
    """
    if not execute(tx, _CONFIRM, (chain, last, moment_to_text(now), vault)).rowcount:
        return
    for blob, is_there in large.items():
        execute(tx, _IS_THERE, (is_there, vault, blob.path, blob.sha256))
    details = {"vault": vault, "chain": chain, "last_event": last}
    append(tx, Event(kind=_CONFIRMED, at=now, details=details))


def confirmed_at(db: Connection) -> datetime | None:
    """Return when the vault was last asked; None if it was not."""
    row = execute(db, _GATE).fetchone()
    return text_to_moment(row[3]) if row and row[3] else None


def confirmed(db: Connection, vault: str, chain: str) -> int | None:
    """Return up to which event a vault has confirmed a history; None if it was not asked."""
    row = execute(db, _GATE).fetchone()
    return int(row[2]) if row and row[3] and (row[0], row[1]) == (vault, chain) else None


def has_unconfirmed(db: Connection, vault: str, chain: str) -> bool:
    """Whether anything happened since what a vault has confirmed, besides confirmations."""
    known = confirmed(db, vault, chain)
    query = "SELECT EXISTS (SELECT 1 FROM events WHERE sequence > ? AND kind <> ?)"
    return known is None or bool(execute(db, query, (known, _CONFIRMED)).fetchone()[0])


def lacking(db: Connection, vault: str) -> tuple[str, ...]:
    """Return the blobs that a vault does not have: those that segments left out, and those that it lost."""
    return tuple(str(path) for (path,) in execute(db, _LACKING, (vault, vault)))


def note_large(tx: Connection, vault: str, blobs: Iterable[tuple[str, LargeBlob]]) -> None:
    """Note blobs that are objects of their own, each with its archive id; the vault is asked for them when it confirms."""
    for archive_id, blob in blobs:
        execute(tx, _ADD_LARGE, (vault, blob.path, archive_id, blob.sha256))


def large_blobs(db: Connection, vault: str) -> list[LargeBlob]:
    """Return the blobs that are objects of their own in a vault."""
    return [LargeBlob(path=path, sha256=sha256) for path, sha256 in execute(db, _LARGE, (vault,))]


def forget_blobs(tx: Connection, vault: str) -> None:
    """Remove all that is noted of single blobs in a vault."""
    execute(tx, "DELETE FROM vault_absent WHERE vault = ?", (vault,))
    execute(tx, "DELETE FROM vault_large WHERE vault = ?", (vault,))


def note_absent(tx: Connection, vault: str, absent: Iterable[tuple[str, str]]) -> None:
    """Note the blobs that a segment had to leave out, each with its archive id."""
    for archive_id, path in absent:
        execute(tx, "REPLACE INTO vault_absent (vault, archive_id, path) VALUES (?, ?, ?)", (vault, archive_id, path))


def forget_absent(tx: Connection, vault: str, present: Collection[str]) -> None:
    """Remove what is noted of blobs that an earlier segment left out, and that the vault has now."""
    for archive_id, path in execute(
        tx, "SELECT archive_id, path FROM vault_absent WHERE vault = ?", (vault,)
    ).fetchall():
        if path in present:
            execute(
                tx,
                "DELETE FROM vault_absent WHERE vault = ? AND archive_id = ? AND path = ?",
                (vault, archive_id, path),
            )
