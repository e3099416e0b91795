"""Restores an archive from its segments: with the same uuid and history, every row, and every blob that it still had."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.replica.remaking import Remaking, remake
from pywats_archive.errors import ArchiveError, SegmentDamaged, UsageError
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.models.vault.shipping import RestoredArchive
from pywats_archive.replication import names
from pywats_archive.replication.fetching import segment_at, segment_keys, whole_segment
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import Segment
from pywats_archive.vault.store import Vault

OnProgress = Callable[[int, int], None]
_LAST = "~"
"""Sorts after every character of a key."""


def archives_in(vault: Vault) -> Iterator[str]:
    """Yield the uuid of each archive that has segments in the vault; one listing of a few keys for each."""
    yield from _below(vault, "")


def chains_in(vault: Vault, archive_uuid: str) -> Iterator[str]:
    """Yield the names of the histories of an archive."""
    for chain in _below(vault, archive_uuid):
        if next(segment_keys(vault, archive_uuid, chain), None):
            yield chain


def _below(vault: Vault, folder: str) -> Iterator[str]:
    """Yield the names of the folders below a folder, without listing their contents."""
    after = ""
    while found := next(vault.keys(folder, after=after), None):
        rest = found.key.removeprefix(f"{folder}/") if folder else found.key
        name, is_folder, _ = rest.partition("/")
        path = f"{folder}/{name}" if folder else name
        if is_folder:
            yield name
        after = f"{path}/{_LAST}" if is_folder else found.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The segments to restore from, oldest first."""

    archive_uuid: str
    keys: Sequence[str]
    last: SegmentDescription


def choose(vault: Vault, archive_uuid: str | None, until: datetime | None) -> Chosen:
    """Choose the newest history of an archive, up to the last segment that ended by then.

    UsageError if the vault has several archives and none is named, or nothing that is as old.
    """
    if archive_uuid is None:
        found = list(archives_in(vault))
        if len(found) != 1:
            known = ", ".join(found) or "none"
            raise UsageError(f"{vault.url}: has these archives: {known}; name one of them with --uuid")
        (archive_uuid,) = found
    chosen = [
        each for chain in chains_in(vault, archive_uuid) if (each := _of_chain(vault, archive_uuid, chain, until))
    ]
    if not chosen:
        when = f" up to {until.isoformat()}" if until else ""
        raise UsageError(f"{vault.url}: has no segment of {archive_uuid}{when}")
    return max(chosen, key=lambda each: each.last.made_at)


def _of_chain(vault: Vault, archive_uuid: str, chain: str, until: datetime | None) -> Chosen | None:
    keys = list(segment_keys(vault, archive_uuid, chain))
    number = len(keys) if until is None else _ended_by(vault, keys, until)
    if number == 0:
        return None
    last = segment_at(vault, keys[number - 1]).description
    return Chosen(archive_uuid=archive_uuid, keys=keys[:number], last=last)


def _ended_by(vault: Vault, keys: Sequence[str], until: datetime) -> int:
    """Return how many segments ended by then; events are in the order of time, but for steps of the clock."""
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if segment_at(vault, keys[middle]).description.ended_at <= until:
            low = middle + 1
        else:
            high = middle
    return low


def restore(
    vault: Vault,
    target: Path,
    *,
    actor: str,
    archive_uuid: str | None = None,
    until: datetime | None = None,
    on_progress: OnProgress | None = None,
    clock: Clock = utc_now,
) -> RestoredArchive:
    """Make an archive at ``target``, a folder that is empty or not there. Its station may continue with it.

    Damaged segments and blobs are reported and do not stop it.
    """
    chosen = choose(vault, archive_uuid, until)
    restoring = _Restoring(vault, chosen, on_progress)
    found = remake(target.absolute(), chosen.last.archive, restoring.fill, actor=actor, clock=clock)
    if found.broken_at is not None:
        restoring.problems.append(f"the history is broken at event {found.broken_at}; run 'verify'")
    if found.missing:
        restoring.problems.append(f"{found.missing} rows of the history are in no segment; run 'verify'")
    return RestoredArchive(
        archive=str(target),
        archive_uuid=chosen.archive_uuid,
        station=chosen.last.station,
        segments=len(chosen.keys),
        entries=found.entries,
        events=found.last,
        ended_at=chosen.last.ended_at,
        files=restoring.files,
        absent=tuple(sorted(restoring.absent)),
        problems=tuple(restoring.problems),
    )


class _Restoring:
    """Adds the segments, newest first, and counts what it adds."""

    def __init__(self, vault: Vault, chosen: Chosen, on_progress: OnProgress | None) -> None:
        self._vault = vault
        self._chosen = chosen
        self._on_progress = on_progress
        self.files = 0
        self.absent: set[str] = set()
        self.problems: list[str] = []

    def fill(self, archive: Remaking) -> dict[str, Any]:
        """Add all segments; returns the details of the event that records it."""
        total = len(self._chosen.keys)
        for number, key in enumerate(reversed(self._chosen.keys), 1):
            try:
                self._add(archive, whole_segment(self._vault, key))
            except SegmentDamaged as exc:
                self.problems.append(str(exc))
            if self._on_progress:
                self._on_progress(number, total)
        last = self._chosen.last
        return {
            "vault": self._vault.url,
            "chain": last.chain,
            "station": last.station,
            "segments": total,
            "problems": len(self.problems),
        }

    def _add(self, archive: Remaking, segment: Segment) -> None:
        archive.add_rows(segment.rows())
        for path in segment.files:
            self._try(archive, path, lambda path=path: [segment.read(path)])  # type: ignore[misc]
        for path, sha256 in segment.description.large.items():
            self._try(archive, path, lambda sha256=sha256: self._large(sha256))  # type: ignore[misc]
        self.absent |= {path for path in segment.description.absent if archive.wants(path)}

    def _try(self, archive: Remaking, path: str, chunks: Callable[[], Iterable[bytes]]) -> None:
        try:
            if archive.wants(path):
                archive.add_file(path, chunks())
                self.files += 1
        except ArchiveError as exc:
            self.problems.append(f"{path}: {exc}")

    def _large(self, sha256: str) -> Iterator[bytes]:
        key, digest = names.large_key(self._chosen.archive_uuid, sha256), hashlib.sha256()
        for chunk in self._vault.stream(key):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != sha256:
            raise SegmentDamaged(f"{self._vault.url}: {key} is not what its name says")
