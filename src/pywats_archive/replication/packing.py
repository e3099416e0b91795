"""Packs a part of an archive's history as a segment; blobs that are too large for it are stored as objects of their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from importlib import metadata
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.description import fields_of
from pywats_archive.archive.replica import damage
from pywats_archive.archive.replica.comparison import SegmentComparison, sha256_of
from pywats_archive.archive.replica.portion import DAMAGED, MISSING, Portion
from pywats_archive.archive.replica.progress import FoundSegment, ShippedSegment
from pywats_archive.errors import KeyTaken, SegmentDamaged, StorageError
from pywats_archive.models.step import OnStep
from pywats_archive.replication import names
from pywats_archive.replication.segment.building import build
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import Segment
from pywats_archive.vault.store import Vault


class Packing:
    """Packs segments of one archive for one vault."""

    def __init__(self, archive: Archive, vault: Vault, *, station: str, on_step: OnStep) -> None:
        self._archive = archive
        self._vault = vault
        self._station = station
        self._on_step = on_step
        self._uuid = archive.description.archive_uuid

    def packed(
        self,
        portion: Portion,
        previous_segment: str | None,
        at: datetime,
        *,
        repairs: str | None = None,
        repairs_sha256: str | None = None,
    ) -> tuple[SegmentDescription, bytes]:
        """Store the large blobs of a portion, and pack the rest; returns the description and the bytes of the segment.

        Blobs are read with the archive's own checks. A blob that is missing or damaged is named in ``absent``.
        """
        large = {path: sha256 for path in portion.apart if (sha256 := self.ship_apart(path))}
        left_out = {**portion.absent, **{path: DAMAGED for path in portion.apart if path not in large}}
        self._on_step("build")
        members = list[tuple[str, bytes]]()
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
            previous_segment=previous_segment or None,  # a damaged one may have been noted without its checksum
            entries=portion.entries,
            entry_no=portion.entry_no,
            report_no=portion.report_no,
            blobs=len(members),
            large=large,
            absent=left_out,
            archive=fields_of(self._archive.root),
            tables=portion.tables,
            made_at=at,
            software=f"pywats-archive {metadata.version('pywats-archive')}",
            repairs=repairs,
            repairs_sha256=repairs_sha256,
        )
        return description, build(members, portion.rows, description)

    def ship_apart(self, path: str) -> str | None:
        """Ship a blob as an object of its own; returns its SHA-256, None if the archive does not have it intact."""
        try:
            whole = self._archive.blobs.stored_file(path)
            sha256 = sha256_of(whole)
        except (StorageError, OSError):
            return None
        self._put_large(whole, sha256)
        return sha256

    def ship_again(self, path: str, sha256: str) -> bool:
        """Ship a blob that the vault lost, under its own key; False if it is not here, or has another SHA-256."""
        whole = self.file_of(path, sha256)
        if whole:
            self._put_large(whole, sha256)
        return whole is not None

    def _put_large(self, whole: Path, sha256: str) -> None:
        key = names.large_key(self._uuid, sha256)
        if self._vault.size_of(key) is None:
            self._on_step("put_large")
            with suppress(KeyTaken):  # the same bytes, since the key is their checksum
                self._vault.put_file(key, whole)
                damage.clear(self._archive, self._vault.url, key)  # that of the object that was lost

    def file_of(self, path: str, sha256: str) -> Path | None:
        """Return the file of a blob in the archive; None without one, or if it has another SHA-256."""
        with suppress(StorageError, OSError):
            found = self._archive.blobs.stored_file(path)
            return found if sha256_of(found) == sha256 else None
        return None


@contextmanager
def translated(archive: Archive) -> Iterator[None]:
    """Turn an error of the archive's disk into StorageError."""
    try:
        yield
    except OSError as exc:
        where = exc.filename or archive.root
        raise StorageError(f"{where}: cannot be read for the vault ({exc.strerror or exc}); it is tried again") from exc


def found_segment(
    known: SegmentDescription, sha256: str, size_bytes: int, *, present: Collection[str] = ()
) -> FoundSegment:
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
    return FoundSegment(
        segment=segment, previous_hash=known.previous_hash, absent=known.absent, large=known.large, present=present
    )


def found_in(comparison: SegmentComparison, segment: Segment, sha256: str, size_bytes: int) -> FoundSegment:
    """Return what is noted of a segment that was found in a vault; blobs of its events that it does not have are absent."""
    found = found_segment(segment.description, sha256, size_bytes)
    return comparison.compared(found, partial(_file_in, segment, frozenset(segment.files)))


def lacking_in(comparison: SegmentComparison, segment: Segment) -> tuple[str, ...]:
    """Return the blobs that are intact in the archive, and that a segment does not have with the same bytes."""
    found = found_segment(segment.description, "", 0)
    return comparison.lacking(found, partial(_file_in, segment, frozenset(segment.files)))


def _file_in(segment: Segment, files: Collection[str], path: str) -> bytes | None:
    """Return a file of a segment; None if it is not among its files, or damaged."""
    with suppress(SegmentDamaged):
        return segment.read(path) if path in files else None
    return None
