"""How far a vault has the history of an archive, as the archive knows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica.portion import PURGED, Place
from pywats_archive.catalog import events, exporting, vault_damage, vault_gate, vault_segments
from pywats_archive.catalog.engine import Connection
from pywats_archive.catalog.vault_damage import KnownRepair
from pywats_archive.catalog.vault_gate import LargeBlob
from pywats_archive.catalog.vault_segments import ShippedSegment as ShippedSegment  # noqa: PLC0414 (callers have both from here)
from pywats_archive.errors import StorageError
from pywats_archive.models.ids import id_in


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """The events and blobs that wait to be shipped."""

    last: int
    """The number of the last event that the vault is known to have; 0 if none."""
    newest: int
    """The number of the newest event."""
    events: int
    oldest_at: datetime | None
    """The time of the oldest event that waits."""
    size_bytes: int
    """Of the blobs of entries that wait."""
    shipped_at: datetime | None
    """When the files of the last segment were read."""
    confirmed: int | None
    """Up to which event the vault has confirmed the history; None if it was not asked."""
    confirmed_at: datetime | None
    """When the vault was asked."""
    expected: int | None
    """The number of the last event that was shipped before that; None if the vault was not asked."""
    lacking: tuple[str, ...]
    """The blobs that the vault does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundSegment:
    """A segment that was found in a vault."""

    segment: ShippedSegment
    previous_hash: str
    """The hash of the event before its first one."""
    absent: Mapping[str, str]
    """The blobs that it does not have, and why."""
    large: Mapping[str, str]
    """The blobs that are objects of their own: their paths, and the SHA-256 of each."""
    present: Collection[str] = ()
    """The blobs that it has, with the same bytes as here: they no longer count as left out by an earlier segment."""
    key: str = ""
    repair: KnownRepair | None = None
    """The key of a damaged segment, and the object that takes its place."""


def chain_of(archive: Archive) -> str | None:
    """Return the name of the archive's history; None before its first event."""
    with archive.read() as db:
        return exporting.chain_of(db)


def note(archive: Archive, vault: str, chain: str, made: FoundSegment) -> None:
    """Note durably that a vault has a segment, which blobs it left out, and which ones are objects of their own."""
    archive.write(lambda tx: _note(tx, vault, chain, made), is_patient=True)


def note_found(archive: Archive, vault: str, chain: str, found: FoundSegment) -> bool:
    """Note durably a segment that was found in a vault; False, and nothing noted, if it has other events than the archive."""
    return archive.write(lambda tx: note_own(tx, vault, chain, found), is_patient=True)


def note_own(tx: Connection, vault: str, chain: str, found: FoundSegment) -> bool:
    """Note a found segment in a transaction, if its last event and the one before its first are those of the history.

    The numbers of its entries and reports are taken from the history here: a description may have been forged.
    """
    segment = found.segment
    if events.hash_at(tx, segment.last) != segment.hash:
        return False
    if events.hash_before(tx, segment.first) != found.previous_hash:
        return False
    in_it = exporting.numbers_in(tx, segment.first, segment.last)
    before = vault_segments.numbers_before(tx, vault, chain, segment.first)
    entry_no, report_no = map(max, in_it, before)
    _note(tx, vault, chain, replace(found, segment=replace(segment, entry_no=entry_no, report_no=report_no)))
    if found.repair:
        vault_damage.put(tx, vault, found.key, found.repair, now=segment.at)
    return True


def lacks(archive: Archive, first: int, last: int) -> bool:
    """Whether the history goes on beyond these events without one of them: an archive restored without a damaged segment."""
    with archive.read() as db:
        return last < events.last_number(db) and None in (events.hash_at(db, first), events.hash_at(db, last))


def _note(tx: Connection, vault: str, chain: str, found: FoundSegment) -> None:
    vault_segments.add(tx, vault, chain, found.segment)
    vault_gate.forget_absent(tx, vault, found.present)
    vault_gate.note_absent(tx, vault, ((id_in(path), path) for path, why in found.absent.items() if why != PURGED))
    large = (LargeBlob(path=path, sha256=sha256) for path, sha256 in found.large.items())
    vault_gate.note_large(tx, vault, ((id_in(blob.path), blob) for blob in large))


def is_confirmed(archive: Archive, lag: Lag) -> bool:
    """Whether the last confirmation of a vault still counts, so that what it has may be purged."""
    return lag.confirmed_at is not None and abs(archive.now() - lag.confirmed_at) <= vault_gate.VALID_FOR


def required(archive: Archive) -> str | None:
    """Return the vault that must have an entry before it is purged; None if none must."""
    with archive.read() as db:
        return vault_gate.required(db)


def require(archive: Archive, vault: str | None) -> None:
    """Let nothing be purged that a vault has not confirmed; with None, purge without a vault."""
    if required(archive) != vault:
        archive.write(lambda tx: vault_gate.require(tx, vault, now=archive.now()))


def is_confirmation_due(archive: Archive) -> bool:
    """Whether purges need the confirmation of a vault, and more than half of the time that the last one counts is over."""
    with archive.read() as db:
        if vault_gate.required(db) is None:
            return False
        at = vault_gate.confirmed_at(db)
        return at is None or abs(archive.now() - at) > vault_gate.VALID_FOR / 2


def has_unconfirmed(archive: Archive, vault: str) -> bool:
    """Whether anything happened since what a vault has confirmed, besides confirmations."""
    with archive.read() as db:
        return vault_gate.has_unconfirmed(db, vault, exporting.chain_of(db) or "")


def large_blobs(archive: Archive, vault: str) -> list[LargeBlob]:
    """Return the blobs that a vault is known to have as objects of their own."""
    with archive.read() as db:
        return vault_gate.large_blobs(db, vault)


def confirm(
    archive: Archive,
    vault: str,
    segments: Mapping[int, int],
    blobs: Iterable[LargeBlob],
    large: Mapping[str, int],
    *,
    damaged: Mapping[str, KnownRepair | None] | None = None,
    repaired: Collection[int] = (),
) -> int:
    """Record up to which event a vault has every segment, and which larger blobs; returns the event's number.

    ``segments`` has the first events and sizes of the segments as the vault lists them, ``large`` the SHA-256 and sizes of the
    blobs. ``blobs`` are those that were known before the vault was listed: the lists do not have what another process ships
    meanwhile. The segments in ``repaired`` count, since the vault has their repairs. A blob that is still here must have the
    same size in the vault. ``damaged`` are the objects that were known as damaged: nothing is recorded if they have changed.
    """
    with archive.read() as db:
        chain = exporting.chain_of(db) or ""
        known = vault_segments.all_of(db, vault, chain)
    last = 0
    for first, end, size in _without_gap(known):
        if first not in repaired and segments.get(first) != size:
            break
        last = end
    there = {each: _is_as_here(archive, each.path, large.get(each.sha256)) for each in blobs}
    now = archive.now()

    def record(tx: Connection) -> None:
        if vault_damage.all_of(tx, vault) == (damaged or {}):
            vault_gate.confirm(tx, vault, chain, last, there, now=now)

    archive.write(record)
    return last


def _is_as_here(archive: Archive, path: str, size_bytes: int | None) -> bool:
    with suppress(StorageError, OSError):
        return archive.blobs.stored_size(path) == size_bytes
    return size_bytes is not None


def noted(archive: Archive, vault: str, chain: str) -> tuple[frozenset[int], int]:
    """Return the first events of all segments that a vault is known to have, and of the last one before any gap (else 0)."""
    with archive.read() as db:
        known = vault_segments.all_of(db, vault, chain)
    before = 0
    for first, _, _ in _without_gap(known):
        before = first
    return frozenset(first for first, _, _ in known), before


def _without_gap(known: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield segments from event 1 on, up to the first gap; not those whose events are in an earlier one."""
    last = 0
    for first, end, size in known:
        if end <= last:
            continue
        if first != last + 1:
            return
        yield first, end, size
        last = end


def forget(archive: Archive, vault: str, chain: str) -> None:
    """Forget the segments that a vault was known to have, since it does not have them."""
    archive.write(lambda tx: _forget(tx, vault, chain))


def _forget(tx: Connection, vault: str, chain: str) -> None:
    vault_segments.forget(tx, vault, chain)
    vault_damage.forget_segments(tx, vault)
    vault_gate.forget_blobs(tx, vault)


def place_after(segment: ShippedSegment | None) -> Place:
    """Return the place after a segment; the beginning without one."""
    if segment is None:
        return Place()
    return Place(
        last=segment.last, hash=segment.hash, entry_no=segment.entry_no, report_no=segment.report_no, at=segment.at
    )


def has_event(archive: Archive, sequence: int, chained: str) -> bool:
    """Whether the history has an event of this number and hash."""
    with archive.read() as db:
        return events.hash_at(db, sequence) == chained


def newest(archive: Archive) -> int:
    """Return the number of the newest event; 0 if there is none."""
    with archive.read() as db:
        return events.last_number(db)


def lag(archive: Archive, vault: str) -> Lag:
    """Return how much waits for a vault, as far as the catalog knows."""
    with archive.read() as db:
        chain = exporting.chain_of(db)
        last = vault_segments.last(db, vault, chain) if chain else None
        after = last.last if last else 0
        number, oldest = vault_segments.waiting(db, after)
        confirmed = vault_gate.confirmed(db, vault, chain or "")
        asked_at = None if confirmed is None else vault_gate.confirmed_at(db)
        return Lag(
            last=after,
            newest=events.last_number(db),
            events=number,
            oldest_at=oldest,
            size_bytes=vault_segments.waiting_bytes(db, last.entry_no if last else 0),
            shipped_at=last.at if last else None,
            confirmed=confirmed,
            confirmed_at=asked_at,
            expected=vault_segments.copied_by(db, vault, chain or "", asked_at) if asked_at else None,
            lacking=vault_gate.lacking(db, vault),
        )


def newest_lag(archive: Archive) -> Lag | None:
    """Return how much waits for the vault of the newest segment; None if the archive was never shipped."""
    with archive.read() as db:
        vault = vault_segments.newest_vault(db, exporting.chain_of(db) or "")
    return lag(archive, vault) if vault else None


def first_break(archive: Archive, lines: Iterable[bytes], first: int, last: int, ending: str) -> int | None:
    """Return the number of the first event, among lines of a portion, that breaks the chain; None if it is whole.

    ``ending`` is the hash that the last event must have.
    """
    with archive.read() as db:
        expected = first
        for row, is_whole in events.walked_from_any(exporting.event_rows(lines, first, last), events.erasures(db)):
            if not is_whole or row[0] != expected or (expected == last and row[8] != ending):
                return int(row[0])
            expected += 1
        return None if expected == last + 1 else expected
