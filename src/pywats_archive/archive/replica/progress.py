"""How far a vault has the history of an archive, as the archive knows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder import layout
from pywats_archive.archive.replica.portion import Place
from pywats_archive.catalog import events, exporting, vault_segments
from pywats_archive.catalog.vault_segments import ShippedSegment as ShippedSegment  # noqa: PLC0414 (callers have both from here)
from pywats_archive.portable import files


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """What waits to be shipped."""

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
    """When the last segment was known to be in the vault."""


def chain_of(archive: Archive) -> str | None:
    """Return the name of the archive's history; None before its first event."""
    with archive.read() as db:
        return exporting.chain_of(db)


def last_segment(archive: Archive, vault: str, chain: str) -> ShippedSegment | None:
    """Return the newest segment that a vault is known to have."""
    with archive.read() as db:
        return vault_segments.last(db, vault, chain)


def note(archive: Archive, vault: str, chain: str, segment: ShippedSegment) -> None:
    """Note durably that a vault has a segment."""
    archive.write(lambda tx: vault_segments.add(tx, vault, chain, segment), is_patient=True)


def forget(archive: Archive, vault: str, chain: str) -> None:
    """Forget what a vault is known to have, since it does not have it."""
    archive.write(lambda tx: vault_segments.forget(tx, vault, chain))


def place_after(segment: ShippedSegment | None) -> Place:
    """Return the place behind a segment; the beginning without one."""
    if segment is None:
        return Place()
    return Place(
        last=segment.last, hash=segment.hash, entry_no=segment.entry_no, report_no=segment.report_no, at=segment.at
    )


def has_event(archive: Archive, sequence: int, chained: str) -> bool:
    """Whether the history has an event of this number and hash."""
    with archive.read() as db:
        return events.hash_at(db, sequence) == chained


def lag(archive: Archive, vault: str) -> Lag:
    """Return what the vault is not known to have yet."""
    with archive.read() as db:
        chain = exporting.chain_of(db)
        last = vault_segments.last(db, vault, chain) if chain else None
        after = last.last if last else 0
        number, oldest = vault_segments.waiting(db, after)
        return Lag(
            last=after,
            newest=events.last_number(db),
            events=number,
            oldest_at=oldest,
            size_bytes=vault_segments.waiting_bytes(db, last.entry_no if last else 0),
            shipped_at=last.at if last else None,
        )


def own_description(archive: Archive) -> dict[str, Any]:
    """Return ``archive.json``."""
    return dict(json.loads(files.read_small(archive.root / layout.DESCRIPTION)))
