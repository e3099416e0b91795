"""Puts repairs into a vault: damaged and missing objects are stored again under new keys, as the archive has them now."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress, shipped
from pywats_archive.archive.replica.comparison import SegmentComparison
from pywats_archive.archive.replica.damage import KnownRepair
from pywats_archive.archive.replica.progress import ShippedSegment
from pywats_archive.archive.replica.reading import next_portion
from pywats_archive.errors import AnotherHistory, KeyMissing, KeyTaken, SegmentDamaged, StorageError
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at, segment_keys, whole_segment
from pywats_archive.replication.packing import Packing, found_in, translated
from pywats_archive.replication.repair import lookup
from pywats_archive.replication.repair.lookup import Repair, is_as_stored, newest_repair, sha256_in
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.vault.store import StoredKey, Vault

_NUMBERS = range(1, 1000)


class Repairing:
    """Repairs one archive in one vault; used by one thread."""

    def __init__(
        self,
        archive: Archive,
        vault: Vault,
        *,
        limit_bytes: int = 8_000_000,
        on_step: OnStep = no_step,
    ) -> None:
        self._archive = archive
        self._vault = vault
        self._limit_bytes = limit_bytes
        self._on_step = on_step
        self._uuid = archive.description.archive_uuid
        self._chain = progress.chain_of(archive) or ""
        self._packing = Packing(archive, vault, station=platform.node(), on_step=on_step)

    def newest(self, segment: str) -> Repair | None:
        """Return the newest intact repair of a segment, with the events and all blobs that the archive has."""
        found = newest_repair(self._archive, self._vault, segment, self._noted(segment))
        return found if found and not found.lacks else None

    def repair_segment(self, segment: str, damaged_sha256: str | None = None) -> Repair:
        """Store a damaged or missing segment again, unless an intact repair is there; durable, and noted, once this returns.

        ``damaged_sha256`` is the SHA-256 of the damaged object. AnotherHistory if the archive does not have its events.
        """
        with translated(self._archive):
            return self._repaired(segment, damaged_sha256)

    def _repaired(self, segment: str, damaged_sha256: str | None) -> Repair:
        repair = self.newest(segment) or self._put(segment, damaged_sha256)
        self.note(segment, repair)
        return repair

    def note(self, segment: str, repair: Repair) -> None:
        """Note a repair durably, unless it is known; first the files that it lacks, so that their entries stay here."""
        if damage.known(self._archive, self._vault.url).get(segment) == repair.known:
            return
        self._on_step("note_repair")
        whole, sha256 = whole_segment(self._vault, repair.stored.key), repair.description.repairs_sha256 or ""
        found = found_in(SegmentComparison(self._archive), whole, sha256, repair.stored.size_bytes)
        found = replace(found, segment=self._noted(segment) or found.segment)
        progress.note_found(self._archive, self._vault.url, self._chain, found)
        damage.note(self._archive, self._vault.url, segment, repair.known)

    def repair_large(self, path: str, sha256: str) -> str | None:
        """Store a damaged or missing blob again; returns its key, None if the archive does not have it.

        A free key is used again, since it is the checksum of the blob; a damaged object gets a repair.
        """
        with translated(self._archive):
            return self._repaired_large(names.large_key(self._uuid, sha256), path, sha256)

    def _repaired_large(self, key: str, path: str, sha256: str) -> str | None:
        if self._vault.size_of(key) is None:
            if self._packing.ship_again(path, sha256):
                damage.clear(self._archive, self._vault.url, key)
                return key
            return None
        found = lookup.large_repair(self._vault, self._uuid, sha256)
        if found is None and (whole := self._packing.file_of(path, sha256)):
            for number in _NUMBERS:
                self._on_step("put_repair")
                with suppress(KeyTaken):
                    self._vault.put_file(names.large_repair_key(self._uuid, sha256, number), whole)
                    break
            found = lookup.large_repair(self._vault, self._uuid, sha256)
        if found:
            self._on_step("note_repair")
            known = KnownRepair(key=found.key, size_bytes=found.size_bytes)
            damage.note(self._archive, self._vault.url, key, known)
        return found.key if found else None

    def repair_noted(self) -> Iterator[str]:
        """Repair each object that is noted as damaged and has no repair, if the archive still has it; yields the new keys."""
        large = {
            names.large_key(self._uuid, each.sha256): each
            for each in progress.large_blobs(self._archive, self._vault.url)
        }
        for key, repair in damage.known(self._archive, self._vault.url).items():
            if repair is None and (blob := large.get(key)):
                if sha256_in(self._vault, key) == blob.sha256:
                    damage.clear(self._archive, self._vault.url, key)
                elif found := self.repair_large(blob.path, blob.sha256):
                    yield found
            elif repair is None and key.startswith(f"{names.segments_folder(self._uuid, self._chain)}/"):
                noted = self._noted(key)
                if noted and is_as_stored(self._vault, key, noted.sha256):
                    damage.clear(self._archive, self._vault.url, key)
                    continue
                with suppress(AnotherHistory):
                    yield self.repair_segment(key).stored.key

    def _noted(self, segment: str) -> ShippedSegment | None:
        first = names.first_of(segment) or 0
        return shipped.segment_at(self._archive, self._vault.url, self._chain, first)

    def _put(self, segment: str, damaged_sha256: str | None) -> Repair:
        first, noted, url = names.first_of(segment) or 0, self._noted(segment), self._vault.url
        before = shipped.segment_before(self._archive, url, self._chain, first)
        if noted is None and before and before.last >= first:
            raise AnotherHistory(
                f"{url}: {segment} is no segment of this history: event {first} is in the segment before it"
            )
        place = replace(progress.place_after(before), last=first - 1)
        end, following = self._following(segment)
        last = noted.last if noted else end
        self._on_step("read_repair")
        at = self._archive.now()
        portion = next_portion(self._archive, place, limit_bytes=self._limit_bytes, last=last)
        if portion is None or portion.first != first or (noted and (portion.last, portion.hash) != (last, noted.hash)):
            raise AnotherHistory(f"{url}: {segment} cannot be repaired: the archive does not have its events any more")
        is_next = following is not None and following.previous_hash == portion.hash
        if noted is None and following and not is_next:
            raise AnotherHistory(
                f"{url}: {segment} cannot be repaired: the segment after it has another history than the archive"
            )
        sha256 = following.previous_segment if following and is_next else noted.sha256 if noted else damaged_sha256
        description, content = self._packing.packed(
            portion, before.sha256 if before else None, at, repairs=segment, repairs_sha256=sha256
        )
        for number in _NUMBERS:
            key = names.repair_key(segment, number)
            self._on_step("put_repair")
            with suppress(KeyTaken):
                self._vault.put_new(key, content)
                return Repair(stored=StoredKey(key=key, size_bytes=len(content), at=at), description=description)
        raise StorageError(
            f"{url}: {segment} has {len(_NUMBERS)} repairs, none of which is intact; check the vault's disk"
        )

    def _following(self, segment: str) -> tuple[int | None, SegmentDescription | None]:
        """Return the last event before the next segment in the vault, and the description of that, if it can be read."""
        key = next(segment_keys(self._vault, self._uuid, self._chain, after=segment), None)
        if key is None:
            return None, None
        end = (names.first_of(key) or 0) - 1
        with suppress(SegmentDamaged, KeyMissing):
            return end, segment_at(self._vault, key).description
        return end, None
