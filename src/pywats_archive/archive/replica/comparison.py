"""Compares a segment that was found in a vault with the blobs of its events in the archive.

Whoever has the station's key can forge the description of a segment. So a blob counts as in the vault only if the segment has
the same bytes. All others are noted as absent, so that their entries are not purged (invariant 13).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica.naming import NamedBlobs
from pywats_archive.archive.replica.portion import MISSING
from pywats_archive.archive.replica.progress import FoundSegment
from pywats_archive.errors import BlobMissing, StorageError

_PIECE = 1 << 20


class SegmentComparison:
    """Compares segments with the blobs of one archive; fastest in the order of their events."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._named = NamedBlobs()

    def compared(self, found: FoundSegment, content_of: Callable[[str], bytes | None]) -> FoundSegment:
        """Return the segment with each blob that it lacks as absent.

        ``content_of`` returns the bytes of a blob in the segment; None if the segment does not have it, or has it damaged.
        """
        wanted = self._wanted(found)
        present = frozenset(path for path in wanted if self._has(found, path, content_of))
        lacking = {path: MISSING for path in wanted if path not in present}
        large = {path: sha256 for path, sha256 in found.large.items() if path not in lacking}
        return replace(found, absent={**found.absent, **lacking}, large=large, present=present)

    def lacking(self, found: FoundSegment, content_of: Callable[[str], bytes | None]) -> tuple[str, ...]:
        """Return the blobs that are intact here, and that the segment does not have with the same bytes."""
        missing = (path for path in self._wanted(found) if not self._has(found, path, content_of))
        return tuple(path for path in missing if self._is_here(path))

    def _wanted(self, found: FoundSegment) -> list[str]:
        """Return the blobs that the events name, except purged ones."""
        with self._archive.read() as db:
            named = self._named.between(db, found.segment.first, found.segment.last)
        return [path for path, is_purged in named.items() if not is_purged]

    def _is_here(self, path: str) -> bool:
        try:
            self._archive.blobs.stored_file(path)
        except (StorageError, OSError):
            return False
        return True

    def _has(self, found: FoundSegment, path: str, content_of: Callable[[str], bytes | None]) -> bool:
        """Whether a segment has a blob with the bytes of the archive, or with any bytes if the archive does not have it."""
        large = found.large.get(path)  # whether that object is there is asked when the vault confirms
        content = content_of(path) if large is None else None
        if large is None and content is None:
            return False
        try:
            blobs = self._archive.blobs
            return sha256_of(blobs.stored_file(path)) == large if large else blobs.stored_bytes(path) == content
        except BlobMissing:  # a purge could remove nothing
            return True
        except (StorageError, OSError):
            return False


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
