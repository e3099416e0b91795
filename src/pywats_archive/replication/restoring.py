"""Restores an archive from its segments: with the same uuid and history, every row, and every blob that it still had."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pywats_archive.archive.replica.progress import FoundSegment
from pywats_archive.archive.replica.remaking import Remaking, remake
from pywats_archive.errors import ArchiveError, KeyMissing, SegmentDamaged
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.models.vault.shipping import RestoredArchive
from pywats_archive.replication import names
from pywats_archive.replication.choosing import Chosen, choose
from pywats_archive.replication.finding import found_segment
from pywats_archive.replication.segment.description import SegmentDescription
from pywats_archive.replication.segment.reading import opened
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
        remarks=chosen.remarks,
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
        self._found: list[FoundSegment] = []

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
        content = self._vault.get(key)
        segment = opened(content, f"{self._vault.url}: {key}")
        try:
            archive.add_rows(segment.rows(), (known.first, known.previous_hash), (known.last, known.hash))
        except ValueError as exc:
            raise SegmentDamaged(f"{segment.where}: {exc}; the segment was altered, and is left out") from exc
        for path in segment.files:
            self._try(archive, path, lambda path=path: [segment.read(path)])  # type: ignore[misc]
        for path, sha256 in known.large.items():
            self._try(archive, path, lambda sha256=sha256: self._large(sha256))  # type: ignore[misc]
        for path in known.absent:
            with self._named(path):
                self.absent |= {path} if archive.wants(path) else set()
        self._found.append(found_segment(known, hashlib.sha256(content).hexdigest(), len(content)))

    def _try(self, archive: Remaking, path: str, chunks: Callable[[], Iterable[bytes]]) -> None:
        with self._named(path):
            if archive.wants(path):
                archive.add_file(path, chunks())
                self.files += 1

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        """Note what is wrong with one file; an error of the disk ends the restore."""
        try:
            yield
        except (ArchiveError, ValueError) as exc:
            self.problems.append(f"{path}: {exc}")
        except OSError as exc:
            if exc.errno not in _OF_A_NAME:
                raise
            self.problems.append(f"{path}: no file can have this name here ({exc.strerror})")

    def _large(self, sha256: str) -> Iterator[bytes]:
        key, digest = names.large_key(self._chosen.archive_uuid, sha256), hashlib.sha256()
        for chunk in self._vault.stream(key):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != sha256:
            raise SegmentDamaged(f"{self._vault.url}: {key} is not what its name says")
