"""Restores sources of any station from the vault, each from the segments that the index names, in parts."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.replica.loose import LooseEntry
from pywats_archive.archive.replica.rows import OF_A_LINE, Row, rows_of
from pywats_archive.errors import BlobDamaged, BlobMissing, KeyMissing, SegmentDamaged
from pywats_archive.models.plant.entry import PlantEntry
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at, segment_keys
from pywats_archive.replication.segment.reading import Segment
from pywats_archive.vault.store import Vault


def restore(vault: Vault, entry: PlantEntry, target: Path, *, keys: Path | None = None) -> Path:
    """Restore a source with its companions into a folder, under its own name and time, checked; returns its path.

    Nothing is replaced. ``keys``: the folder with the keys of an encrypted archive. BlobMissing if the vault does not have it,
    BlobDamaged, SegmentDamaged, or StorageError leave nothing behind.
    """
    if not entry.member:
        raise BlobMissing(f"{entry.archive_id}: was erased, or its source was not archived; only its record is")
    if entry.segment is None:
        raise BlobMissing(f"{entry.archive_id}: the vault does not have its source; ask {entry.station}")
    newest = segment_at(vault, entry.newest_segment)
    row = _row(newest, entry.archive_id)
    with tempfile.TemporaryDirectory(prefix="pywats-archive-") as name:
        folder = Path(name)
        loose = LooseEntry(row, folder, newest.description.archive, keys=keys)
        wanted = set(loose.paths)
        for segment in _segments(vault, entry, newest):
            wanted -= set(_fetch(vault, entry.archive_uuid, segment, wanted, folder))
            if not wanted:
                return loose.restore(target)
    raise BlobMissing(f"{entry.archive_id}: the vault does not have {min(wanted)}; ask {entry.station}")


def _row(segment: Segment, archive_id: str) -> Row:
    with suppress(*OF_A_LINE):
        for _, row in rows_of(segment.rows(), ["archive_entries"]):
            if row["archive_id"] == archive_id:
                return row
    raise SegmentDamaged(f"{segment.where}: has no row of {archive_id}; run 'plant index' again")


def _segments(vault: Vault, entry: PlantEntry, newest: Segment) -> Iterator[Segment]:
    """Yield the segment with the source, that with the latest row, and then those between: companions may be in any."""
    assert entry.segment is not None
    yield segment_at(vault, entry.segment)
    yield newest
    folder, _, _ = entry.segment.rpartition("/segments/")
    for key in segment_keys(vault, entry.archive_uuid, folder.rpartition("/")[2], after=entry.segment):
        if key >= entry.newest_segment:
            return
        with suppress(SegmentDamaged, KeyMissing):
            yield segment_at(vault, key)


def _fetch(vault: Vault, archive_uuid: str, segment: Segment, wanted: set[str], folder: Path) -> Iterator[str]:
    """Write those of the wanted blobs that a segment has into a folder; yields their paths."""
    held, large = frozenset(segment.files), segment.description.large
    for path in sorted(wanted):
        if path not in held and path not in large:
            continue
        whole = folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        with whole.open("xb") as stream:
            for piece in [segment.read(path)] if path in held else _large(vault, archive_uuid, large[path]):
                stream.write(piece)
        yield path


def _large(vault: Vault, archive_uuid: str, sha256: str) -> Iterator[bytes]:
    key, digest = names.large_key(archive_uuid, sha256), hashlib.sha256()
    for piece in vault.stream(key):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != sha256:
        raise BlobDamaged(f"{vault.url}: {key} is not what its name says")
