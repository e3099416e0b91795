"""Finds segments in a vault that the catalog has not noted: after a restore, or with a catalog from an older copy.

A segment is noted only if its events are those of the history here. Its description proves nothing: whoever has the station's
key can write one. So the events are read, and the files are compared with those here. Nothing is confirmed that belongs to
another history, or that the vault does not have.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress, shipped
from pywats_archive.archive.replica.comparison import SegmentComparison
from pywats_archive.archive.replica.progress import ShippedSegment
from pywats_archive.errors import AnotherHistory, SegmentDamaged
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at
from pywats_archive.replication.packing import found_in
from pywats_archive.replication.repair.lookup import Repair, is_as_stored, newest_repair, repaired_segments
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import ODD_LINE, Segment, opened
from pywats_archive.vault.store import Vault


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
        self._comparison = SegmentComparison(archive)

    def unnoted(self, chain: str) -> Iterator[ShippedSegment]:
        """Note and yield each segment that only the vault knows, oldest first, without its files.

        Segments that are damaged and have no repair are left out, and those whose events are missing in the middle of the
        history here. One request lists a thousand segments, and one reads a segment. AnotherHistory if a segment has other
        events.
        """
        noted, after = progress.noted(self._archive, self._vault.url, chain)
        folder, start = names.segments_folder(self._uuid, chain), names.segment_key(self._uuid, chain, after)
        passed = {None, *noted}
        stored = [each.key for each in self._vault.keys(folder, after=start) if names.first_of(each.key) not in passed]
        repaired = dict(self._repaired(chain, passed)) if stored or after < max(noted, default=0) else {}
        before = shipped.segment_at(self._archive, self._vault.url, chain, after)
        end = before.last if before else 0
        for key in sorted({*stored, *repaired}):
            if (names.first_of(key) or 0) <= end:
                continue  # any holder of the station's key can store a segment among the events of another
            # Whoever stores a segment under the key of a damaged one is refused, and learns of the damage.
            with suppress(SegmentDamaged):
                if found := self._noted_unless_lacking(key, chain, repaired.get(key)):
                    end = found.last
                    yield found

    def _noted_unless_lacking(self, key: str, chain: str, repair: Repair | None) -> ShippedSegment | None:
        """Note a segment, or its repair; None if its events are missing in the middle of the history here."""
        content = self._vault.get(repair.stored.key if repair else key)
        known = self._opened(key, content).description
        if repair is None and progress.lacks(self._archive, known.first, known.last):
            return None
        return self._noted(key, chain, content, repair)

    def _repaired(self, chain: str, passed: Container[int | None]) -> Iterator[tuple[str, Repair]]:
        """Yield the segments that are not as they were stored, and have a repair with events of the history here."""
        for key in repaired_segments(self._vault, self._uuid, chain):
            if names.first_of(key) in passed or (repair := newest_repair(self._archive, self._vault, key)) is None:
                continue
            if not is_as_stored(self._vault, key, repair.description.repairs_sha256):
                yield key, repair

    def at(self, key: str, chain: str) -> ShippedSegment:
        """Note the segment at a key; AnotherHistory if it has other events, SegmentDamaged, or KeyMissing."""
        return self._noted(key, chain, self._vault.get(key))

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

    def _opened(self, key: str, content: bytes) -> Segment:
        return opened(content, f"{self._vault.url}: {key}")

    def _noted(self, key: str, chain: str, content: bytes, repair: Repair | None = None) -> ShippedSegment:
        """Note a segment, or its repair; blobs of its events that it does not have are noted as absent."""
        segment = self._opened(key, content)
        known = segment.description
        if names.first_of(key) != known.first or not progress.has_event(self._archive, known.last, known.hash):
            raise self._another(key, known)
        _require_events(self._archive, segment)
        sha256 = (known.repairs_sha256 or "") if repair else hashlib.sha256(content).hexdigest()
        compared = found_in(self._comparison, segment, sha256, len(content))
        if repair:
            compared = replace(compared, key=key, repair=repair.known)
        self._on_step("note")
        if not progress.note_found(self._archive, self._vault.url, chain, compared):
            raise self._another(key, known)
        return compared.segment

    def _another(self, key: str, known: SegmentDescription) -> AnotherHistory:
        if known.station == self._station:
            made_by = (
                f"it was made by {known.station!r} too, so this archive or its database is an older state that was put back, "
                "or a copy of the archive is in use on this computer or on another one of the same name"
            )
        else:
            made_by = (
                f"it was made by {known.station!r}, and this is {self._station!r}; one of the two archives is a copy, or an "
                "older state"
            )
        return AnotherHistory(
            f"{self._vault.url}: {key} holds other events than this archive: {made_by}. Nothing more is copied from here. To "
            "go on with the history in the vault, use 'vault restore'; to go on with this archive, use 'rebuild', which begins "
            "another history in the vault"
        )


def _require_events(archive: Archive, segment: Segment) -> None:
    """Raise SegmentDamaged unless a segment holds the events that its description names."""
    known = segment.description
    try:
        broken = progress.first_break(archive, segment.rows(), known.first, known.last, known.hash)
    except ODD_LINE as exc:
        raise SegmentDamaged(f"{segment.where}: a line of its rows is not readable ({exc!r})") from exc
    if broken is not None:
        raise SegmentDamaged(f"{segment.where}: event {broken} is not part of its history; the segment was altered")
