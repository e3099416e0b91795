"""Checks an archive in a vault: each segment, the history that the segments hold, and the files in them.

The vault is an anchor of the history too: it has events under their numbers and hashes, which the station cannot change there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.errors import KeyMissing, SegmentDamaged
from pywats_archive.replication import names
from pywats_archive.replication.comparing import difference
from pywats_archive.replication.fetching import segment_at, segment_keys, whole_segment
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import ODD_LINE, Segment
from pywats_archive.vault.store import Vault

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedSegment:
    """A segment, and its problems."""

    key: str
    number: int
    total: int
    files: int = 0
    """How many files were read from end to end."""
    last: int = 0
    """The number of its last event."""
    problems: tuple[str, ...] = ()


class Verifying:
    """Checks the history of one archive in a vault; reads ``sample_percent`` of the segments from end to end."""

    def __init__(self, archive: Archive, vault: Vault, *, sample_percent: float = 100.0, seed: str = "") -> None:
        self._archive = archive
        self._vault = vault
        self._percent = sample_percent
        self._seed = seed
        self._uuid = archive.description.archive_uuid
        self._before: SegmentDescription | None = None
        self._sha256: str | None = None
        """Of the segment before; None if it was not read whole."""

    def segments(self) -> Iterator[CheckedSegment]:
        """Yield each segment of the archive's present history, oldest first."""
        chain = progress.chain_of(self._archive) or ""
        keys = list(segment_keys(self._vault, self._uuid, chain))
        for number, key in enumerate(keys, 1):
            yield self._checked(key, number, len(keys))

    def _checked(self, key: str, number: int, total: int) -> CheckedSegment:
        try:
            return self._read(key, number, total)
        except (SegmentDamaged, KeyMissing) as exc:
            self._before, self._sha256 = None, None
            return CheckedSegment(key=key, number=number, total=total, problems=(str(exc),))

    def _read(self, key: str, number: int, total: int) -> CheckedSegment:
        is_whole = number == total or self._is_chosen(key)
        segment = whole_segment(self._vault, key) if is_whole else segment_at(self._vault, key)
        known, found = segment.description, list[str]()
        if is_whole:
            for path in segment.files:
                segment.read(path)
            found += self._broken(key, segment)
        found += self._in_order(key, known)
        for path, sha256 in known.large.items():
            found += self._large(path, sha256, is_whole=is_whole)
        if problem := difference(self._archive, known):
            found.append(problem.message)
        self._before = known
        self._sha256 = hashlib.sha256(self._vault.get(key)).hexdigest() if is_whole else None
        files = len(segment.files) if is_whole else 0
        return CheckedSegment(key=key, number=number, total=total, files=files, last=known.last, problems=tuple(found))

    def _broken(self, key: str, segment: Segment) -> Iterator[str]:
        """Yield where the events of a segment are not a history."""
        known = segment.description
        try:
            broken = progress.first_break(self._archive, segment.rows(), known.first, known.last, known.hash)
        except ODD_LINE as exc:
            yield f"{key}: a line of its rows is not readable ({exc!r}); the segment was altered"
        else:
            if broken is not None:
                yield f"{key}: event {broken} is not part of its history; the segment was altered"

    def _is_chosen(self, key: str) -> bool:
        digest = hashlib.sha256(f"{self._seed}{key}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < self._percent / 100 * 2**32

    def _in_order(self, key: str, known: SegmentDescription) -> Iterator[str]:
        """Yield where a segment does not follow from the one before."""
        if names.first_of(key) != known.first:
            yield f"{key}: says that it begins with event {known.first}"
        before = self._before
        if before and (known.first, known.previous_hash) != (before.last + 1, before.hash):
            yield f"{key}: does not follow event {before.last}; a segment before it is missing"
        if before is None and known.first == 1 and known.previous_segment is not None:
            yield f"{key}: is not the first segment that it was"
        if self._sha256 and known.previous_segment != self._sha256:
            yield f"{key}: was made after another segment than the one before it; one of them was replaced"

    def _large(self, path: str, sha256: str, *, is_whole: bool) -> Iterator[str]:
        key = names.large_key(self._uuid, sha256)
        if self._vault.size_of(key) is None:
            yield f"{key}: is missing ({path})"
        elif is_whole:
            digest = hashlib.sha256()
            for chunk in self._vault.stream(key):
                digest.update(chunk)
            if digest.hexdigest() != sha256:
                yield f"{key}: is damaged ({path})"
