"""Ships an archive's history into a vault, one segment after the other.

A segment is read, built, stored under a new key, and then noted in the catalog. After a crash between the last two steps, the
key is taken: the segment there shows that this history made it, and shipping continues after it. So nothing is sent twice.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress
from pywats_archive.archive.replica.damage import KnownRepair
from pywats_archive.archive.replica.portion import PURGED, Portion
from pywats_archive.archive.replica.progress import ShippedSegment
from pywats_archive.archive.replica.reading import next_portion
from pywats_archive.archive.replica.shipped import last_segment
from pywats_archive.errors import KeyMissing, KeyTaken, VaultRefused
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.replication import names, readme
from pywats_archive.replication.finding import Finding
from pywats_archive.replication.packing import Packing, found_segment, translated
from pywats_archive.vault.proof import require_once
from pywats_archive.vault.store import Vault


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """A segment that was shipped, or found in the vault."""

    key: str
    segment: ShippedSegment
    is_new: bool
    """Whether this call stored it."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """The blobs that it had to leave out, and why."""

    @property
    def left_out(self) -> dict[str, str]:
        """The blobs that are missing or damaged in the archive, and which of both; purged ones are not among them."""
        return {path: why for path, why in self.absent.items() if why != PURGED}


class Shipping:
    """Ships one archive into one vault; used by one thread at a time."""

    def __init__(
        self,
        archive: Archive,
        vault: Vault,
        *,
        limit_bytes: int = 8_000_000,
        station: str | None = None,
        on_step: OnStep = no_step,
    ) -> None:
        self._archive = archive
        self._vault = vault
        self._limit_bytes = limit_bytes
        self._on_step = on_step
        self._uuid = archive.description.archive_uuid
        named = platform.node() if station is None else station
        self._packing = Packing(archive, vault, station=named, on_step=on_step)
        self._finding = Finding(archive, vault, station=named, on_step=on_step)
        self._unnoted: Iterator[ShippedSegment] | None = None
        self._is_checked = False

    def ship_all(self) -> Iterator[Shipped]:
        """Ship until nothing waits; yields each segment once it is in the vault and noted."""
        while shipped := self.step():
            yield shipped

    def confirm(self) -> int:
        """Ask the vault what it has, and record up to which event it has all segments; returns the event's number.

        Blobs that are objects of their own are confirmed one by one. A blob that the vault lost is shipped again if it is still
        here. An object that a check found damaged counts only if its repair is there. One request lists a thousand objects.
        What may be purged depends on this number and these blobs (invariant 13).
        """
        known = progress.large_blobs(self._archive, self._vault.url)  # before the lists
        chain = progress.chain_of(self._archive) or ""
        folder = names.segments_folder(self._uuid, chain)
        segments = {names.first_of(each.key) or 0: each.size_bytes for each in self._vault.keys(folder)}
        listed = self._vault.keys(names.large_folder(self._uuid))
        large = {names.sha256_of(each.key): each.size_bytes for each in listed}
        with translated(self._archive):
            for blob in known:
                if blob.sha256 not in large and self._packing.ship_again(blob.path, blob.sha256):
                    large[blob.sha256] = self._vault.size_of(names.large_key(self._uuid, blob.sha256)) or 0
            damaged = damage.known(self._archive, self._vault.url)
            repaired = self._without_damage(damaged, chain, segments, large)
            self._on_step("confirm")
            return progress.confirm(
                self._archive, self._vault.url, segments, known, large, damaged=damaged, repaired=repaired
            )

    def _without_damage(
        self, known: Mapping[str, KnownRepair | None], chain: str, segments: dict[int, int], large: dict[str, int]
    ) -> frozenset[int]:
        """Remove the damaged objects from the lists, unless their repairs are there; returns the repaired segments."""
        repaired = set[int]()
        if not known:
            return frozenset()
        folders = names.repairs_folder(self._uuid, chain), names.large_repairs_folder(self._uuid)
        there = {each.key: each.size_bytes for folder in folders for each in self._vault.keys(folder)}
        for key, repair in known.items():
            is_repaired = repair is not None and there.get(repair.key) == repair.size_bytes
            first = names.first_of(key)
            if first is None:
                large.pop(names.sha256_of(key), None)
                if repair and is_repaired:
                    large[names.sha256_of(key)] = repair.size_bytes
            elif key == self._key(chain, first):
                segments.pop(first, None)
                if is_repaired:
                    repaired.add(first)
        return frozenset(repaired)

    def step(self) -> Shipped | None:
        """Ship the next segment; None if nothing waits.

        AnotherHistory if the vault has other events under the numbers of this archive's: nothing more is shipped then.
        """
        with translated(self._archive):
            return self._step()

    def _step(self) -> Shipped | None:
        chain = progress.chain_of(self._archive)
        if chain is None:
            return None
        last = last_segment(self._archive, self._vault.url, chain)
        if last and not self._is_checked:
            key = self._key(chain, last.first)
            try:
                self._finding.require_own(key)
            except KeyMissing:
                repair = damage.known(self._archive, self._vault.url).get(key)
                if repair is None or self._vault.size_of(repair.key) is None:  # the vault may be another one
                    progress.forget(self._archive, self._vault.url, chain)
                    last = None
        if not self._is_checked:  # the catalog may be an older one, or the vault another one under the same address
            if found := self._next_unnoted(chain):
                return found
            self._is_checked = True
            last = last_segment(self._archive, self._vault.url, chain)
        self._on_step("read")
        at = self._archive.now()  # before the files are read: one that changes during the upload is in the next segment
        portion = next_portion(self._archive, progress.place_after(last), limit_bytes=self._limit_bytes)
        return None if portion is None else self._ship(portion, last, at)

    def _next_unnoted(self, chain: str) -> Shipped | None:
        """Note the next segment that only the vault knows; None once all are noted."""
        if self._unnoted is None:
            self._unnoted = self._finding.unnoted(chain)
        try:
            found = next(self._unnoted, None)
        except BaseException:
            self._unnoted = None  # an iterator that failed would end now, although the vault may have more
            raise
        return None if found is None else Shipped(key=self._key(chain, found.first), segment=found, is_new=False)

    def _ship(self, portion: Portion, last: ShippedSegment | None, at: datetime) -> Shipped:
        key = self._key(portion.chain, portion.first)
        if last is None:
            require_once(self._vault, self._uuid)
            self._introduce()
        description, content = self._packing.packed(portion, last.sha256 if last else None, at)
        self._on_step("put")
        try:
            self._vault.put_new(key, content)
        except KeyTaken:
            return Shipped(key=key, segment=self._finding.at(key, portion.chain), is_new=False)
        self._on_step("note")
        present = {*portion.blobs, *description.large} - description.absent.keys()
        made = found_segment(description, hashlib.sha256(content).hexdigest(), len(content), present=present)
        progress.note(self._archive, self._vault.url, portion.chain, made)
        return Shipped(key=key, segment=made.segment, is_new=True, absent=made.absent)

    def _key(self, chain: str, first: int) -> str:
        return names.segment_key(self._uuid, chain, first)

    def _introduce(self) -> None:
        """Store the page that says how to use the vault without this program; least rights do not allow that, ``init`` does."""
        with suppress(VaultRefused):
            readme.introduce(self._vault)
