"""Restores sources of any station from the vault, each from the segments that the index names, in parts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pywats_archive.archive.replica.loose import LooseEntry
from pywats_archive.archive.replica.rows import Row, rows_of
from pywats_archive.errors import BlobDamaged, BlobMissing, KeyMissing, SegmentDamaged
from pywats_archive.models.plant.entry import PlantEntry, PlantReport
from pywats_archive.replication.fetching import blobs_of, segment_at, segment_keys
from pywats_archive.replication.repair.lookup import copies_of, repairs_of
from pywats_archive.replication.segment.reading import ODD_LINE, Segment
from pywats_archive.vault.store import Vault


def restore(vault: Vault, entry: PlantEntry, target: Path, *, keys: Path | None = None) -> Path:
    """Restore a source with its companions into a folder, under its own name and time, checked; returns its path.

    Nothing is replaced. ``keys``: the folder with the keys of an encrypted archive. BlobMissing if the vault does not have it,
    BlobDamaged, SegmentDamaged, or StorageError leave nothing behind.
    """
    with tempfile.TemporaryDirectory(prefix="pywats-archive-") as name:
        return fetch(vault, entry, Path(name), keys=keys).restore(target)


def fetch(vault: Vault, entry: PlantEntry, folder: Path, *, keys: Path | None = None) -> LooseEntry:
    """Write the blobs of a source and its companions into an empty folder, and return the entry that reads them there.

    Errors as ``restore``.
    """
    require_there(entry)
    newest, row = _newest(vault, entry)
    loose = LooseEntry(row, folder, newest.description.archive, keys=keys)
    wanted = set(loose.paths)
    assert entry.segment is not None
    for segment in _segments(vault, entry, newest, entry.segment):
        wanted -= set(_fetched(vault, segment, frozenset(wanted), loose))
        if not wanted:
            return loose
    raise BlobMissing(f"{entry.archive_id}: the vault has no intact {min(wanted)}; ask {entry.station}")


def fetch_report(
    vault: Vault, entry: PlantEntry, report: PlantReport, folder: Path, *, keys: Path | None = None
) -> Iterator[bytes]:
    """Write the blob of a report into an empty folder, and stream the exact JSON, checked. Errors as ``restore``."""
    if report.segment is None or not report.member:
        raise BlobMissing(f"{entry.archive_id}: the vault does not have this report; ask {entry.station}")
    newest, row = _newest(vault, entry)
    loose = LooseEntry(row, folder, newest.description.archive, keys=keys)
    loose.require_place(report.member)
    checksum = _checksum(newest, report.member)
    for segment in _segments(vault, entry, newest, report.segment):
        if list(_fetched(vault, segment, frozenset({report.member}), loose, checksum)):
            return loose.blobs.read_checked(report.member, checksum)
    raise BlobMissing(f"{entry.archive_id}: the vault has no intact {report.member}; ask {entry.station}")


def require_there(entry: PlantEntry) -> None:
    """Raise BlobMissing unless the vault has the source of an entry."""
    if not entry.member:
        raise BlobMissing(f"{entry.archive_id}: was erased, or its source was not archived; only its record is")
    if entry.segment is None:
        raise BlobMissing(f"{entry.archive_id}: the vault does not have its source; ask {entry.station}")


def _checksum(segment: Segment, path: str) -> str:
    """Return the checksum that the row of a report has."""
    with suppress(*ODD_LINE):
        for _, row in rows_of(segment.rows(), ["reports"]):
            if row["archived_path"] == path:
                return str(row["checksum"])
    raise SegmentDamaged(f"{segment.where}: has no row of {path}; run 'plant index' again")


def _newest(vault: Vault, entry: PlantEntry) -> tuple[Segment, Row]:
    """Return the segment with the latest row of an entry, or what was shipped in its place, and the row."""
    try:
        segment = segment_at(vault, entry.newest_segment)
        return segment, _row(segment, entry.archive_id)
    except (SegmentDamaged, KeyMissing):
        for each in repairs_of(vault, entry.newest_segment):
            with suppress(SegmentDamaged, KeyMissing):
                segment = segment_at(vault, each.stored.key)
                return segment, _row(segment, entry.archive_id)
        raise


def _row(segment: Segment, archive_id: str) -> Row:
    with suppress(*ODD_LINE):
        for _, row in rows_of(segment.rows(), ["archive_entries"]):
            if row["archive_id"] == archive_id:
                return row
    raise SegmentDamaged(f"{segment.where}: has no row of {archive_id}; run 'plant index' again")


def _segments(vault: Vault, entry: PlantEntry, newest: Segment, held: str) -> Iterator[Segment]:
    """Yield the segment with the latest row, that with the file, and then those between: companions may be in any."""
    yield newest
    for key in (held, *(each.stored.key for each in repairs_of(vault, held))):
        with suppress(SegmentDamaged, KeyMissing):
            yield segment_at(vault, key)
    folder, _, _ = held.rpartition("/segments/")
    for key in segment_keys(vault, entry.archive_uuid, folder.rpartition("/")[2], after=held):
        if key >= entry.newest_segment:
            return
        with suppress(SegmentDamaged, KeyMissing):
            yield segment_at(vault, key)


def _fetched(
    vault: Vault, segment: Segment, wanted: frozenset[str], loose: LooseEntry, checksum: str = ""
) -> Iterator[str]:
    """Write those of the wanted blobs that a segment has; yields the paths of those that are intact."""
    try:
        held = blobs_of(segment)
    except SegmentDamaged:
        return
    for path in sorted(wanted & held):
        if any(_is_written(pieces, path, loose, checksum) for pieces in copies_of(vault, segment, path)):
            yield path


def _is_written(pieces: Iterator[bytes], path: str, loose: LooseEntry, checksum: str) -> bool:
    """Write a blob; returns whether it is intact."""
    with suppress(SegmentDamaged, KeyMissing, BlobDamaged):
        whole = loose.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        with whole.open("wb") as stream:
            stream.writelines(pieces)
        return loose.is_intact(path, checksum)
    return False
