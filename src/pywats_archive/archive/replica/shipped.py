"""The segments that a vault is known to have."""

from __future__ import annotations

from pywats_archive.archive.core import Archive
from pywats_archive.catalog import vault_segments
from pywats_archive.catalog.vault_segments import ShippedSegment


def last_segment(archive: Archive, vault: str, chain: str) -> ShippedSegment | None:
    """Return the newest segment that a vault is known to have."""
    with archive.read() as db:
        return vault_segments.last(db, vault, chain)


def segment_at(archive: Archive, vault: str, chain: str, first: int) -> ShippedSegment | None:
    """Return the segment that begins with an event, if a vault is known to have it."""
    with archive.read() as db:
        return vault_segments.at(db, vault, chain, first)


def segment_before(archive: Archive, vault: str, chain: str, first: int) -> ShippedSegment | None:
    """Return the newest segment before an event that a vault is known to have."""
    with archive.read() as db:
        return vault_segments.before(db, vault, chain, first)
