"""Reads the segments of a vault for an index: what is new, and what could not be read before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from pywats_archive.errors import KeyMissing, SegmentDamaged
from pywats_archive.plant.manifest import Chain, Finding
from pywats_archive.plant.rows import IndexRow, index_rows
from pywats_archive.replication import names
from pywats_archive.replication.choosing import archives_in, chains_in
from pywats_archive.replication.fetching import blobs_of, listed_segment, misplaced
from pywats_archive.replication.repair.lookup import repairs_of
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import ODD_LINE
from pywats_archive.vault.store import StoredKey, Vault

_MOST_BYTES = 256 * 1024 * 1024
"""How long the rows of a segment may be: those of the largest ones that stations make are a tenth of that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadSegment:
    """What the index takes from a segment."""

    description: SegmentDescription
    rows: tuple[tuple[str, IndexRow], ...]


def histories(vault: Vault) -> Iterator[tuple[str, str]]:
    """Yield each history in the vault: the uuid of its archive, and its name."""
    for archive_uuid in archives_in(vault):
        for chain in chains_in(vault, archive_uuid):
            yield archive_uuid, chain


def unread(vault: Vault, chain: Chain) -> list[StoredKey]:
    """Return the segments of a history after the last one that was read, oldest first."""
    folder = names.segments_folder(chain.archive_uuid, chain.name)
    found = vault.keys(folder, after=chain.last_key)
    return sorted((each for each in found if names.first_of(each.key) is not None), key=lambda each: each.key)


def read(vault: Vault, chain: Chain, stored: StoredKey, *, repairs: int | None = None) -> ReadSegment:
    """Read the rows of a segment, with two requests at most; KeyMissing, or SegmentDamaged if any of it is not as it should be.

    ``repairs``: the number of the first event of the segment in whose place the object stands.
    """
    segment = listed_segment(vault, stored)
    known = segment.description
    key = stored.key if repairs is None else names.segment_key(chain.archive_uuid, chain.name, repairs)
    if why := misplaced(key, known, chain.archive_uuid, chain.name):
        raise SegmentDamaged(f"{segment.where}: {why}")
    try:
        lines = segment.rows(most_bytes=_MOST_BYTES)
        found = tuple(index_rows(lines, chain=chain.number, first=known.first, held=blobs_of(segment)))
    except ODD_LINE as exc:
        raise SegmentDamaged(f"{segment.where}: a line of its rows is not readable ({exc!r})") from exc
    return ReadSegment(description=known, rows=found)


def read_again(vault: Vault, chain: Chain, finding: Finding) -> ReadSegment | None:
    """Read a segment that could not be read before, or one that was shipped in its place; None if there is still none."""
    first = names.first_of(finding.key)
    if first is None:
        return None
    listed = vault.keys(names.segments_folder(chain.archive_uuid, chain.name), after=finding.key[:-1])
    following = next((each for each in listed if each.key >= finding.key), None)
    own = (following,) if following and following.key == finding.key else ()
    for stored in (*(each.stored for each in repairs_of(vault, finding.key)), *own):
        with suppress(SegmentDamaged, KeyMissing):
            return read(vault, chain, stored, repairs=first)
    return None
