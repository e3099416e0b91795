"""Reads one entry from the vault, if its own files were purged, are missing or damaged."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import progress
from pywats_archive.archive.replica.fetched import FetchedArchive, paths_of, segments_with
from pywats_archive.errors import AnotherHistory, BlobMissing
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at
from pywats_archive.replication.finding import Finding
from pywats_archive.vault.store import Vault


@contextmanager
def borrowed(
    archive: Archive, archive_id: str, only: str | None = None, *, vault: Vault, keys: Path | None = None
) -> Iterator[Archive]:
    """Fetch the blobs of an entry, and let the block read the archive with them; BlobMissing if the vault has none.

    ``only`` is the path of the one blob that is read; None fetches all.
    One segment costs three requests. The blobs are in a temporary folder meanwhile, and are checked as those of the archive.
    """
    # a row says any path
    wanted = {path for path in paths_of(archive, archive_id) if archive.blobs.is_of(path, archive_id)}
    if only is not None:
        wanted &= {only}
    if not wanted:
        raise BlobMissing(f"{archive_id}: is not read from the vault: its files were erased, or were never archived")
    with tempfile.TemporaryDirectory(prefix="pywats-archive-") as name:
        folder = Path(name)
        for first in _segments(archive, vault, archive_id):
            wanted -= set(_fetch(archive, vault, first, wanted, folder))
            if not wanted:
                break
        if not any(folder.iterdir()):
            raise BlobMissing(f"{vault.url}: has no file of {archive_id}")
        yield FetchedArchive(archive, folder, vault=vault.url, keys=keys)


def _segments(archive: Archive, vault: Vault, archive_id: str) -> Iterator[int]:
    """Yield the segments that have the entry's events: first those that are noted, then those that only the vault knows."""
    chain = progress.chain_of(archive) or ""
    noted = segments_with(archive, vault.url, chain, archive_id)
    yield from noted
    with suppress(AnotherHistory):  # up to there, the vault has the history of this archive
        for _ in Finding(archive, vault).unnoted(chain):
            pass
    yield from (first for first in segments_with(archive, vault.url, chain, archive_id) if first not in noted)


def _fetch(archive: Archive, vault: Vault, first: int, wanted: Iterable[str], folder: Path) -> Iterator[str]:
    """Write those of the wanted blobs that a segment has into a folder; yields their paths."""
    uuid = archive.description.archive_uuid
    segment = segment_at(vault, names.segment_key(uuid, progress.chain_of(archive) or "", first))
    held, large = frozenset(segment.files), segment.description.large
    for path in sorted(wanted):
        if path not in held and path not in large:
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            stream.writelines(
                [segment.read(path)] if path in held else vault.stream(names.large_key(uuid, large[path]))
            )
        yield path
