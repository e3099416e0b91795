"""Fetches segments from a vault: whole, or only the parts that are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress

from pywats_archive.errors import BlobDamaged, KeyMissing, SegmentDamaged
from pywats_archive.replication import names
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import Segment, opened, ranged
from pywats_archive.vault.store import StoredKey, Vault


def segment_at(vault: Vault, key: str, *, noted_bytes: int | None = None) -> Segment:
    """Open a segment, so that only the parts that are read are fetched; KeyMissing, or SegmentDamaged.

    ``noted_bytes`` is the size that it had when it was stored, which saves a request.
    """
    if noted_bytes is not None:
        with suppress(SegmentDamaged, KeyMissing):  # or of another size
            return _ranged(vault, key, noted_bytes)
    size = vault.size_of(key)
    if size is None:
        raise KeyMissing(f"{vault.url}: has no {key}")
    return _ranged(vault, key, size)


def description_of(vault: Vault, stored: StoredKey) -> SegmentDescription:
    """Read the description of a segment that was listed, in one request; KeyMissing, or SegmentDamaged."""
    return listed_segment(vault, stored).description


def listed_segment(vault: Vault, stored: StoredKey) -> Segment:
    """Open a segment that was listed, with one request for its end; KeyMissing, or SegmentDamaged."""
    return _ranged(vault, stored.key, stored.size_bytes)


def _ranged(vault: Vault, key: str, size_bytes: int) -> Segment:
    return ranged(lambda start, length: vault.get(key, start=start, length=length), size_bytes, f"{vault.url}: {key}")


def whole_segment(vault: Vault, key: str) -> Segment:
    """Fetch a segment, which is in memory then; KeyMissing, or SegmentDamaged."""
    return opened(vault.get(key), f"{vault.url}: {key}")


def segment_keys(vault: Vault, archive_uuid: str, chain: str, *, after: str = "") -> Iterator[str]:
    """Yield the keys of the segments of a history, oldest first."""
    folder = names.segments_folder(archive_uuid, chain)
    return (stored.key for stored in vault.keys(folder, after=after) if names.first_of(stored.key) is not None)


def blobs_of(segment: Segment) -> frozenset[str]:
    """Return the paths of the blobs that came with a segment: in it, or as objects of their own."""
    return frozenset((*segment.files, *segment.description.large))


def pieces_of(vault: Vault, segment: Segment, path: str) -> Iterator[bytes]:
    """Stream a blob that came with a segment, checked; KeyMissing, SegmentDamaged, or BlobDamaged after the last piece."""
    known = segment.description
    if path not in known.large:
        yield segment.read(path)
        return
    key, digest = names.large_key(known.archive_uuid, known.large[path]), hashlib.sha256()
    for piece in vault.stream(key):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != known.large[path]:
        raise BlobDamaged(f"{vault.url}: {key} is not what its name says")


def misplaced(key: str, known: SegmentDescription, archive_uuid: str, chain: str) -> str | None:
    """Return why a segment does not belong under its key; None if it does."""
    if names.first_of(key) != known.first or known.last < known.first:
        return f"says that it has the events {known.first} to {known.last}"
    if (known.archive_uuid, known.chain, known.archive.get("archive_uuid")) != (archive_uuid, chain, archive_uuid):
        return "says that it is of another archive or history"
    return None
