"""Restores an archive from its segments: with the same uuid and history, every row, and every blob that it still had."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.replica.damage import KnownRepair
from pywats_archive.archive.replica.progress import FoundSegment
from pywats_archive.archive.replica.remaking import Remaking, remake
from pywats_archive.errors import ArchiveError, KeyMissing, SegmentDamaged
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.models.vault.shipping import RestoredArchive
from pywats_archive.replication import names
from pywats_archive.replication.choosing import Chosen, choose
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.packing import found_segment
from pywats_archive.replication.repair.lookup import large_repair
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import Segment, opened
from pywats_archive.vault.store import Vault

OnProgress = Callable[[int, int], None]
_OF_A_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOENT)
"""Errors of a path that no file can have here; any other error is of the disk."""


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
    restoring.problems += [
        f"{path}: is not in the vault, though its entry was not purged" for path in found.without_blob
    ]
    if found.missing:
        restoring.problems.append(f"{found.missing} rows of the history are in no segment; run 'verify'")
    return RestoredArchive(
        archive=str(target),
        archive_uuid=chosen.archive_uuid,
        station=chosen.last.station,
        segments=len(chosen.segments),
        entries=found.entries,
        events=found.last,
        ended_at=chosen.last.ended_at,
        files=restoring.files,
        absent=tuple(sorted(restoring.absent)),
        problems=tuple(restoring.problems),
        remarks=(*chosen.remarks, *restoring.remarks),
    )


class _Restoring:
    """Adds the segments, newest first, and counts what it adds."""

    def __init__(self, vault: Vault, chosen: Chosen, on_progress: OnProgress | None) -> None:
        self._vault = vault
        self._chosen = chosen
        self._on_progress = on_progress
        self.files = 0
        self.absent: set[str] = set()
        self.problems: list[str] = list(chosen.problems)
        self.remarks: list[str] = []
        self._failed: dict[str, str] = {}
        """What is wrong with each file of the present segment that cannot be read."""
        self._found: list[FoundSegment] = []
        self._is_repaired = False
        """Whether the present segment is read from a repair."""

    def fill(self, archive: Remaking) -> dict[str, Any]:
        """Add all segments; returns the details of the event that records it."""
        total = len(self._chosen.segments)
        for number, (key, known) in enumerate(reversed(self._chosen.segments), 1):
            try:
                self._add(archive, key, known)
            except (SegmentDamaged, KeyMissing) as exc:
                self.problems.append(str(exc))
            if self._on_progress:
                self._on_progress(number, total)
        last = self._chosen.last
        archive.note(self._vault.url, last.chain, self._found)
        return {
            "vault": self._vault.url,
            "chain": last.chain,
            "station": last.station,
            "segments": total,
            "problems": len(self.problems),
        }

    def _add(self, archive: Remaking, key: str, known: SegmentDescription) -> None:
        """Add a segment, with each file that it or another object with parts of it has."""
        self._failed.clear()
        self._is_repaired = known.repairs is not None
        keys, failures = [key, *self._chosen.others.get(key, ())], list[SegmentDamaged | KeyMissing]()
        while keys:
            try:
                segment = self._with_rows(archive, keys.pop(0), known)
                break
            except (SegmentDamaged, KeyMissing) as exc:
                failures.append(exc)
        else:
            raise failures[0]
        self.remarks += map(str, failures)
        self._add_files(archive, segment)
        for other in keys:
            with suppress(SegmentDamaged, KeyMissing):
                self._add_files(archive, whole_segment(self._vault, other))
        for path in segment.description.absent:
            with self._named(path):
                self.absent |= {path} if archive.wants(path) else set()
        self.problems += self._failed.values()

    def _with_rows(self, archive: Remaking, key: str, wanted: SegmentDescription) -> Segment:
        """Add the rows of a segment, and return it; SegmentDamaged if it has other events than those that are wanted."""
        content = self._vault.get(key)
        segment = opened(content, f"{self._vault.url}: {key}")
        known = segment.description
        if (known.first, known.last, known.hash) != (wanted.first, wanted.last, wanted.hash):
            raise SegmentDamaged(f"{segment.where}: has other events; it is left out")
        try:
            archive.add_rows(segment.rows(), (known.first, known.previous_hash), (known.last, known.hash))
        except ValueError as exc:
            raise SegmentDamaged(f"{segment.where}: {exc}; the segment was altered, and is left out") from exc
        if known.repairs is None:
            self._found.append(found_segment(known, hashlib.sha256(content).hexdigest(), len(content)))
        else:
            found = found_segment(known, known.repairs_sha256 or "", len(content))
            self._found.append(replace(found, key=known.repairs, repair=KnownRepair(key=key, size_bytes=len(content))))
        return segment

    def _add_files(self, archive: Remaking, segment: Segment) -> None:
        for path in segment.files:
            self._try(archive, path, lambda path=path: [segment.read(path)])  # type: ignore[misc]
        for path, sha256 in segment.description.large.items():
            self._try_large(archive, path, sha256)

    def _try(self, archive: Remaking, path: str, chunks: Callable[[], Iterable[bytes]]) -> None:
        with self._named(path):
            if archive.wants(path):
                archive.add_file(path, chunks())
                if self._is_repaired:  # any holder of the station's key can add a repair
                    archive.require_as_archived(path)
                self.files += 1
            self._failed.pop(path, None)

    def _try_large(self, archive: Remaking, path: str, sha256: str) -> None:
        key = names.large_key(self._chosen.archive_uuid, sha256)
        self._try(archive, path, lambda: self._large(key, sha256))
        if path in self._failed and (repair := large_repair(self._vault, self._chosen.archive_uuid, sha256)):
            self._try(archive, path, lambda: self._large(repair.key, sha256))
            self.remarks.append(
                f"{self._vault.url}: {key} is damaged or missing; {repair.key} is used, which repairs it"
            )

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        """Note what is wrong with one file; an error of the disk ends the restore."""
        try:
            yield
        except (ArchiveError, ValueError) as exc:
            self._failed.setdefault(path, f"{path}: {exc}")
        except OSError as exc:
            if exc.errno not in _OF_A_NAME:
                raise
            self._failed.setdefault(path, f"{path}: no file can have this name here ({exc.strerror})")

    def _large(self, key: str, sha256: str) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in self._vault.stream(key):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != sha256:
            raise SegmentDamaged(f"{self._vault.url}: {key} is not what its name says")
