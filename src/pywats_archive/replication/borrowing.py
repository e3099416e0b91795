"""Reads one entry from the vault, if its own files were purged, are missing or damaged."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress
from pywats_archive.archive.replica.fetched import FetchedArchive, paths_of, segments_with
from pywats_archive.errors import AnotherHistory, BlobMissing, KeyMissing, SegmentDamaged
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at
from pywats_archive.replication.finding import Finding
from pywats_archive.replication.repair.lookup import newest_repair
from pywats_archive.vault.store import Vault


@contextmanager
def borrowed(
    archive: Archive, archive_id: str, only: str | None = None, *, vault: Vault, keys: Path | None = None
) -> Iterator[Archive]:
    """Fetch the blobs of an entry, and let the block read the archive with them; BlobMissing if the vault has none.

    ``only`` is the path of the one blob that is read; None fetches all. A file of a segment costs three requests. The files are
    in a temporary folder meanwhile, and checked as the archive's own.
    """
    wanted = wanted_of(archive, archive_id, only)
    with tempfile.TemporaryDirectory(prefix="pywats-archive-") as name:
        place = fetch(archive, archive_id, wanted, vault, Path(name))
        yield FetchedArchive(archive, Path(name), vault=place, keys=keys)


def wanted_of(archive: Archive, archive_id: str, only: str | None = None) -> frozenset[str]:
    """Return the blobs to fetch, all or only one; BlobMissing if there are none, or if their erasure has begun."""
    # a forged row may name any path
    wanted = {path for path in paths_of(archive, archive_id) if archive.blobs.is_of(path, archive_id)}
    if only is not None:
        wanted &= {only}
    if not wanted:
        raise BlobMissing(f"{archive_id}: is not read from the vault: its files were erased, or were never archived")
    return frozenset(wanted)


def fetch(archive: Archive, archive_id: str, wanted: frozenset[str], vault: Vault, folder: Path) -> str:
    """Write blobs from the vault below an empty folder; returns where they come from. BlobMissing if the vault has none."""
    fetching, uuid = _Fetching(archive, vault, folder), archive.description.archive_uuid
    for first, size_bytes in _segments(archive, vault, archive_id):
        key = names.segment_key(uuid, progress.chain_of(archive) or "", first)
        wanted -= fetching.fetch(key, wanted, size_bytes)
        if not wanted:
            break
    if not any(folder.iterdir()):
        raise BlobMissing(f"{vault.url}: has no file of {archive_id}")
    return fetching.place


def _segments(archive: Archive, vault: Vault, archive_id: str) -> Iterator[tuple[int, int]]:
    """Yield the segments with the entry's events, and their sizes: those that are noted, then those that the vault knows."""
    chain = progress.chain_of(archive) or ""
    noted = segments_with(archive, vault.url, chain, archive_id)
    yield from noted.items()
    with suppress(AnotherHistory):  # up to there, the vault has the history of this archive
        for _ in Finding(archive, vault).unnoted(chain):
            pass
    now = segments_with(archive, vault.url, chain, archive_id)
    yield from (each for each in now.items() if each[0] not in noted)


class _Fetching:
    """Writes blobs of an entry into a folder; from a repair where a segment is damaged."""

    def __init__(self, archive: Archive, vault: Vault, folder: Path) -> None:
        self._archive = archive
        self._vault = vault
        self._folder = folder
        self._uuid = archive.description.archive_uuid
        self._known = damage.known(archive, vault.url)
        self._repairs: dict[str, None] = {}

    @property
    def place(self) -> str:
        """Where the blobs come from: the vault, and the repairs that were read."""
        return ", repair ".join((self._vault.url, *self._repairs))

    def fetch(self, key: str, wanted: Collection[str], size_bytes: int) -> set[str]:
        """Write those of the wanted blobs that a segment has, or its repair; returns their paths.

        ``size_bytes`` is the noted size of the segment. A segment that is known as damaged is read only for files that its
        repair does not have.
        """
        if repair := self._known.get(key):
            done = self._fetch(repair.key, wanted)
            if done:
                self._repairs[repair.key] = None
            if rest := set(wanted) - done:
                with suppress(SegmentDamaged, KeyMissing):
                    done |= self._fetch(key, rest)
            return done
        try:
            return self._fetch(key, wanted, noted_bytes=size_bytes)
        except (SegmentDamaged, KeyMissing):
            found = newest_repair(self._archive, self._vault, key)
            if found is None:
                raise
            self._repairs[found.stored.key] = None
            return self._fetch(found.stored.key, wanted)

    def _fetch(self, key: str, wanted: Collection[str], *, noted_bytes: int | None = None) -> set[str]:
        segment = segment_at(self._vault, key, noted_bytes=noted_bytes)
        held, large = frozenset(segment.files), segment.description.large
        found = {path for path in wanted if path in held or path in large}
        for path in sorted(found):
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            chunks = [segment.read(path)] if path in held else self._large(large[path])
            with target.open("wb") as stream:
                stream.writelines(chunks)
        return found

    def _large(self, sha256: str) -> Iterator[bytes]:
        key = names.large_key(self._uuid, sha256)
        if repair := self._known.get(key):
            key = repair.key
            self._repairs[key] = None
        return self._vault.stream(key)
