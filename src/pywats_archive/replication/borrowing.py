"""Reads one entry from the vault, if its own files were purged, are missing or damaged."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress
from pywats_archive.archive.replica.fetched import FetchedArchive, paths_of, segments_with
from pywats_archive.errors import AnotherHistory, ArchiveError, BlobDamaged, BlobMissing, KeyMissing, SegmentDamaged
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at
from pywats_archive.replication.finding import Finding
from pywats_archive.replication.repair.lookup import large_repair, newest_repair
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
        self._blobs = FetchedArchive(archive, folder, vault=vault.url, keys=None).blobs

    @property
    def place(self) -> str:
        """Where the blobs come from: the vault, and the repairs that were read."""
        return ", repair ".join((self._vault.url, *self._repairs))

    def fetch(self, key: str, wanted: Collection[str], size_bytes: int) -> set[str]:
        """Write those of the wanted blobs that a segment has, or its repair; returns their paths.

        ``size_bytes`` is the noted size of the segment. A segment that is known as damaged is read only for files that its
        repair does not have.
        """
        repair, failures = self._known.get(key), list[SegmentDamaged | KeyMissing]()
        rest, damaged = set(wanted), set[str]()
        for each in (repair.key, key) if repair else (key,):
            with _noted(failures):
                damaged |= self._take(each, rest, noted_bytes=None if repair else size_bytes)
        found = newest_repair(self._archive, self._vault, key) if rest and (failures or damaged) else None
        if found and found.stored.key not in self._repairs:
            with _noted(failures):
                damaged |= self._take(found.stored.key, rest)
        if failures and not damaged and rest == set(wanted):
            raise failures[0]
        return set(wanted) - rest

    def _take(self, key: str, rest: set[str], *, noted_bytes: int | None = None) -> set[str]:
        """Fetch files from a segment or repair; those that are intact are removed from ``rest``, others are returned."""
        found = self._fetch(key, rest, noted_bytes=noted_bytes)
        damaged = {path for path in found if not self._is_intact(path)}
        rest -= found - damaged
        if found - damaged and names.first_of(key) is None:
            self._repairs[key] = None
        return damaged

    def _is_intact(self, path: str) -> bool:
        """Whether a fetched file agrees with the checksum in its header; reading it compares more."""
        try:
            self._blobs.stored_file(path)
        except BlobDamaged:
            return False
        except ArchiveError:  # encrypted, and there is no key here
            return True
        return True

    def _fetch(self, key: str, wanted: Collection[str], *, noted_bytes: int | None = None) -> set[str]:
        segment = segment_at(self._vault, key, noted_bytes=noted_bytes)
        held, large = frozenset(segment.files), segment.description.large
        found = {path for path in wanted if path in held or path in large}
        for path in sorted(found):
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path in held:
                target.write_bytes(segment.read(path))
            else:
                self._write_large(target, large[path])
        return found

    def _write_large(self, target: Path, sha256: str) -> None:
        """Write a blob that is an object of its own, or its repair if that is missing or damaged; KeyMissing without any."""
        key, is_there = names.large_key(self._uuid, sha256), False
        for each in self._large_keys(key, sha256):
            digest = hashlib.sha256()
            with suppress(KeyMissing), target.open("wb") as stream:
                for chunk in self._vault.stream(each):
                    digest.update(chunk)
                    stream.write(chunk)
                is_there = True
            if digest.hexdigest() == sha256:
                self._repairs |= {} if each == key else {each: None}
                return
        if not is_there:
            raise KeyMissing(f"{self._vault.url}: has no {key}")

    def _large_keys(self, key: str, sha256: str) -> Iterator[str]:
        if known := self._known.get(key):
            yield known.key
        yield key
        if found := large_repair(self._vault, self._uuid, sha256):
            yield found.key


@contextmanager
def _noted(failures: list[SegmentDamaged | KeyMissing]) -> Iterator[None]:
    try:
        yield
    except (SegmentDamaged, KeyMissing) as exc:
        failures.append(exc)
