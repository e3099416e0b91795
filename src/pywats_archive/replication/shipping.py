"""Ships an archive's history into a vault, one segment after the other.

A segment is read, built, stored under a new key, and then noted in the catalog. After a crash between the last two steps, the
key is taken: the segment there shows that this history made it, and shipping continues after it. So nothing is sent twice.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib import metadata

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.replica.holding import sha256_of
from pywats_archive.archive.replica.portion import DAMAGED, MISSING, PURGED, Portion
from pywats_archive.archive.replica.progress import ShippedSegment
from pywats_archive.archive.replica.reading import next_portion
from pywats_archive.errors import KeyMissing, KeyTaken, StorageError, VaultRefused
from pywats_archive.models.step import OnStep, no_step
from pywats_archive.replication import names, readme
from pywats_archive.replication.finding import Finding, found_segment
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.description import SegmentDescription
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
        self._station = platform.node() if station is None else station
        self._on_step = on_step
        self._uuid = archive.description.archive_uuid
        self._finding = Finding(archive, vault, station=self._station, on_step=on_step)
        self._unnoted: Iterator[ShippedSegment] | None = None
        self._is_checked = False

    def ship_all(self) -> Iterator[Shipped]:
        """Ship until nothing waits; yields each segment once it is in the vault and noted."""
        while shipped := self.step():
            yield shipped

    def confirm(self) -> int:
        """Ask the vault what it has, and record up to which event it has all segments; returns the event's number.

        Blobs that are objects of their own are confirmed one by one. A blob that the vault lost is shipped again if it is still
        here. One request lists a thousand objects. What may be purged depends on this number and these blobs (invariant 13).
        """
        known = progress.large_blobs(self._archive, self._vault.url)  # before the lists
        chain = progress.chain_of(self._archive) or ""
        folder = names.segments_folder(self._uuid, chain)
        segments = {names.first_of(each.key) or 0: each.size_bytes for each in self._vault.keys(folder)}
        listed = self._vault.keys(names.large_folder(self._uuid))
        large = {names.sha256_of(each.key): each.size_bytes for each in listed}
        with self._translated():
            for blob in known:
                if blob.sha256 not in large and self._ship_apart(blob.path, only=blob.sha256):
                    large[blob.sha256] = self._vault.size_of(names.large_key(self._uuid, blob.sha256)) or 0
            self._on_step("confirm")
            return progress.confirm(self._archive, self._vault.url, segments, known, large)

    def step(self) -> Shipped | None:
        """Ship the next segment; None if nothing waits.

        AnotherHistory if the vault has other events under the numbers of this archive's: nothing more is shipped then.
        """
        with self._translated():
            return self._step()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            where = exc.filename or self._archive.root
            raise StorageError(
                f"{where}: cannot be read for the vault ({exc.strerror or exc}); it is tried again"
            ) from exc

    def _step(self) -> Shipped | None:
        chain = progress.chain_of(self._archive)
        if chain is None:
            return None
        last = progress.last_segment(self._archive, self._vault.url, chain)
        if last and not self._is_checked:
            try:
                self._finding.require_own(self._key(chain, last.first))
            except KeyMissing:
                progress.forget(self._archive, self._vault.url, chain)
                last = None
        if not self._is_checked:  # the catalog may be an older one, or the vault another one under the same address
            if found := self._next_unnoted(chain):
                return found
            self._is_checked = True
            last = progress.last_segment(self._archive, self._vault.url, chain)
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
        large = {path: sha256 for path in portion.apart if (sha256 := self._ship_apart(path))}
        absent = {**portion.absent, **{path: DAMAGED for path in portion.apart if path not in large}}
        self._on_step("build")
        description, content = self._built(portion, last, large, absent, at)
        self._on_step("put")
        try:
            self._vault.put_new(key, content)
        except KeyTaken:
            return Shipped(key=key, segment=self._finding.at(key, portion.chain), is_new=False)
        self._on_step("note")
        held = {*portion.blobs, *large} - description.absent.keys()
        made = found_segment(description, hashlib.sha256(content).hexdigest(), len(content), held=held)
        progress.note(self._archive, self._vault.url, portion.chain, made)
        return Shipped(key=key, segment=made.segment, is_new=True, absent=made.absent)

    def _built(
        self,
        portion: Portion,
        last: ShippedSegment | None,
        large: dict[str, str],
        absent: dict[str, str],
        at: datetime,
    ) -> tuple[SegmentDescription, bytes]:
        members, left_out = list[tuple[str, bytes]](), dict(absent)
        for path in portion.blobs:
            try:
                members.append((path, self._archive.blobs.stored_bytes(path)))
            except (StorageError, OSError):  # purged meanwhile, or damaged
                left_out[path] = DAMAGED if (self._archive.root / path).exists() else MISSING
        for name in portion.files:
            members.append((name, (self._archive.root / name).read_bytes()))
        description = SegmentDescription(
            archive_uuid=self._uuid,
            station=self._station,
            chain=portion.chain,
            first=portion.first,
            last=portion.last,
            begun_at=portion.begun_at,
            ended_at=portion.ended_at,
            previous_hash=portion.previous_hash,
            hash=portion.hash,
            previous_segment=last.sha256 if last else None,
            entries=portion.entries,
            entry_no=portion.entry_no,
            report_no=portion.report_no,
            blobs=len(members),
            large=large,
            absent=left_out,
            archive=progress.own_description(self._archive),
            tables=portion.tables,
            made_at=at,
            software=f"pywats-archive {metadata.version('pywats-archive')}",
        )
        return description, build(members, portion.rows, description)

    def _ship_apart(self, path: str, *, only: str | None = None) -> str | None:
        """Ship a blob as an object of its own; returns its SHA-256, None if it is not here or damaged.

        With ``only``, a blob with another SHA-256 counts as damaged.
        """
        try:
            whole = self._archive.blobs.stored_file(path)
            sha256 = sha256_of(whole)
        except (StorageError, OSError):
            return None
        if only not in (None, sha256):
            return None
        key = names.large_key(self._uuid, sha256)
        if self._vault.size_of(key) is None:
            self._on_step("put_large")
            with suppress(KeyTaken):  # the same bytes, since the key is their checksum
                self._vault.put_file(key, whole)
        return sha256

    def _key(self, chain: str, first: int) -> str:
        return names.segment_key(self._uuid, chain, first)

    def _introduce(self) -> None:
        """Store the page that says how to use the vault without this program; least rights do not allow that, ``init`` does."""
        with suppress(VaultRefused):
            readme.introduce(self._vault)
