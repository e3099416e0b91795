"""Finds segments in a vault that the catalog has not noted: after a restore, or with a catalog from an older copy.

A segment is noted only if its description agrees with the history here: the hashes of its last event, and of the event before
its first one. So nothing is confirmed that belongs to another history.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from contextlib import suppress

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.replica.progress import FoundSegment, ShippedSegment
from pywats_archive.errors import AnotherHistory, SegmentDamaged
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.replication import names
from pywats_archive.replication.fetching import description_of, segment_at
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import opened
from pywats_archive.vault.store import StoredKey, Vault


class Finding:
    """Finds and notes the segments of one archive in one vault."""

    def __init__(
        self, archive: Archive, vault: Vault, *, station: str | None = None, on_step: OnStep = no_step
    ) -> None:
        self._archive = archive
        self._vault = vault
        self._station = platform.node() if station is None else station
        self._on_step = on_step
        self._uuid = archive.description.archive_uuid

    def unnoted(self, chain: str) -> Iterator[ShippedSegment]:
        """Note and yield each segment that only the vault knows, oldest first, without its files.

        Segments that are damaged are left out, and those whose events are missing in the middle of the history here. One
        request lists a thousand segments, and one reads a description. AnotherHistory if a segment has other events.
        """
        noted, after = progress.noted(self._archive, self._vault.url, chain)
        folder, start = names.segments_folder(self._uuid, chain), names.segment_key(self._uuid, chain, after)
        passed = {None, *noted}
        stored = [each for each in self._vault.keys(folder, after=start) if names.first_of(each.key) not in passed]
        waiting: tuple[StoredKey, SegmentDescription] | None = None
        for each in sorted(stored, key=lambda each: each.key):
            try:
                known = description_of(self._vault, each)
            except SegmentDamaged:  # whoever stores a segment under its key is refused, and learns of the damage
                continue
            if progress.lacks(self._archive, known.first, known.last):
                continue
            if waiting:
                yield self._note(*waiting, known, chain)
            waiting = each, known
        if waiting:
            yield self._note(*waiting, None, chain)

    def at(self, key: str, chain: str) -> ShippedSegment:
        """Note the segment at a key; AnotherHistory if it has other events, SegmentDamaged, or KeyMissing."""
        content = self._vault.get(key)
        known = opened(content, f"{self._vault.url}: {key}").description
        return self._noted(key, chain, known, hashlib.sha256(content).hexdigest(), len(content))

    def require_own(self, key: str) -> None:
        """Raise AnotherHistory if the segment at a key has other events than the archive; KeyMissing if there is none.

        A history that was cut off behind a segment, and grew beyond its end again, is found by that alone. A damaged segment
        shows nothing.
        """
        with suppress(SegmentDamaged):
            known = segment_at(self._vault, key).description
            if not progress.has_event(self._archive, known.last, known.hash) and not progress.lacks(
                self._archive, known.first, known.last
            ):
                raise self._another(key, known)

    def _note(
        self, stored: StoredKey, known: SegmentDescription, following: SegmentDescription | None, chain: str
    ) -> ShippedSegment:
        sha256 = None
        if following and (following.first, following.previous_hash) == (known.last + 1, known.hash):
            sha256 = following.previous_segment
        if sha256 is None:
            sha256 = hashlib.sha256(self._vault.get(stored.key)).hexdigest()
        return self._noted(stored.key, chain, known, sha256, stored.size_bytes)

    def _noted(self, key: str, chain: str, known: SegmentDescription, sha256: str, size_bytes: int) -> ShippedSegment:
        found = found_segment(known, sha256, size_bytes)
        self._on_step("note")
        if names.first_of(key) != known.first or not progress.note_found(self._archive, self._vault.url, chain, found):
            raise self._another(key, known)
        return found.segment

    def _another(self, key: str, known: SegmentDescription) -> AnotherHistory:
        return AnotherHistory(
            f"{self._vault.url}: {key} holds other events than this archive: it was made by {known.station!r}, and this "
            f"is {self._station!r}; one of them is a copy, or an older state. Nothing more is copied from here"
        )


def found_segment(known: SegmentDescription, sha256: str, size_bytes: int) -> FoundSegment:
    """Return what is noted of a segment by its description, and by the checksum and size of the object."""
    segment = ShippedSegment(
        first=known.first,
        last=known.last,
        hash=known.hash,
        entry_no=known.entry_no,
        report_no=known.report_no,
        sha256=sha256,
        size_bytes=size_bytes,
        at=known.made_at,
    )
    return FoundSegment(segment=segment, previous_hash=known.previous_hash, absent=known.absent, large=known.large)
