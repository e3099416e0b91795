"""Finds the newest intact repair of a segment, or of a blob that is an object of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.replica.comparison import SegmentComparison
from pywats_archive.archive.replica.damage import KnownRepair
from pywats_archive.archive.replica.progress import ShippedSegment
from pywats_archive.errors import KeyMissing, SegmentDamaged
from pywats_archive.replication import names
from pywats_archive.replication.fetching import description_of, misplaced, pieces_of, whole_segment
from pywats_archive.replication.packing import lacking_in
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import ODD_LINE, Segment
from pywats_archive.vault.store import StoredKey, Vault


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """A repair of a segment. Its description was read; the rest may be damaged."""

    stored: StoredKey
    description: SegmentDescription
    lacks: tuple[str, ...] = ()
    """The blobs that are intact in the archive, and not in the repair; empty if nobody compared them."""

    @property
    def known(self) -> KnownRepair:
        """The repair as the catalog notes it."""
        return KnownRepair(key=self.stored.key, size_bytes=self.stored.size_bytes)


def repairs_of(vault: Vault, segment: str) -> Iterator[Repair]:
    """Yield the repairs of a segment, newest first, by the segment's key; one request for the list, and one for each."""
    uuid, chain = segment.split("/")[:2]
    for each in _newest_first(vault, names.repair_key(segment, 1)):
        with suppress(SegmentDamaged, KeyMissing):
            known = description_of(vault, each)
            if known.repairs == segment and not misplaced(segment, known, uuid, chain):
                yield Repair(stored=each, description=known)


def newest_repair(archive: Archive, vault: Vault, segment: str, noted: ShippedSegment | None = None) -> Repair | None:
    """Return the newest intact repair of a segment, with the events that the archive has; each of its parts was read.

    A repair with every blob that the archive still has goes before those that lack some: whoever has the station's key can add
    false ones. With ``noted``, the segment as the catalog knows it, only a repair with the same last event counts.
    """
    best: Repair | None = None
    for repair in repairs_of(vault, segment):
        known = repair.description
        if noted and (known.last, known.hash) != (noted.last, noted.hash):
            continue
        with suppress(SegmentDamaged, KeyMissing, *ODD_LINE):
            whole = read_whole(vault, repair.stored.key)
            is_own = progress.has_event(archive, known.last, known.hash)
            if is_own and progress.first_break(archive, whole.rows(), known.first, known.last, known.hash) is None:
                lacks = lacking_in(SegmentComparison(archive), whole)
                if not lacks:
                    return repair
                best = best or replace(repair, lacks=lacks)
    return best


def repaired_segments(vault: Vault, archive_uuid: str, chain: str) -> list[str]:
    """Return the keys of the segments of a history that have repairs, oldest first; one listing."""
    listed = vault.keys(names.repairs_folder(archive_uuid, chain))
    firsts = {each.key.rpartition("/")[2].rpartition("-")[0] for each in listed if names.number_of(each.key)}
    keys = (f"{names.segments_folder(archive_uuid, chain)}/{name}.zip" for name in sorted(firsts))
    return [key for key in keys if names.first_of(key) is not None]


def read_whole(vault: Vault, key: str) -> Segment:
    """Fetch a segment or repair, and read each part of it; SegmentDamaged, or KeyMissing."""
    segment = whole_segment(vault, key)
    for path in segment.files:
        segment.read(path)
    for _ in segment.rows():
        pass
    _ = segment.description
    return segment


def is_as_stored(vault: Vault, key: str, sha256: str | None) -> bool:
    """Whether a segment is there, can be read from end to end, and has the SHA-256 that it had, if that is known."""
    with suppress(SegmentDamaged, KeyMissing):
        read_whole(vault, key)
        return sha256 is None or sha256_in(vault, key) == sha256
    return False


def large_repair(vault: Vault, archive_uuid: str, sha256: str) -> StoredKey | None:
    """Return the newest intact repair of a blob that is an object of its own; None if there is none."""
    for each in _newest_first(vault, names.large_repair_key(archive_uuid, sha256, 1)):
        if sha256_in(vault, each.key) == sha256:
            return each
    return None


def copies_of(vault: Vault, segment: Segment, path: str) -> Iterator[Iterator[bytes]]:
    """Yield a blob that came with a segment, and then its intact repair if it is an object of its own; each as ``pieces_of``.

    Whoever has read one copy whole needs no other.
    """
    yield pieces_of(vault, segment, path)
    known = segment.description
    if path in known.large and (repair := large_repair(vault, known.archive_uuid, known.large[path])):
        yield vault.stream(repair.key)


def _newest_first(vault: Vault, first: str) -> list[StoredKey]:
    """Return all repairs of an object, by the key of the first one; one request lists them."""
    stem = first.removesuffix(first.rpartition("-")[2])
    found = takewhile(lambda each: each.key.startswith(stem), vault.keys(first.rpartition("/")[0], after=stem))
    numbered = [each for each in found if names.number_of(each.key)]
    return sorted(numbered, key=lambda each: names.number_of(each.key), reverse=True)


def sha256_in(vault: Vault, key: str) -> str | None:
    """Return the SHA-256 of an object's bytes, which stream; None if there is none."""
    digest = hashlib.sha256()
    try:
        for chunk in vault.stream(key):
            digest.update(chunk)
    except KeyMissing:
        return None
    return digest.hexdigest()
