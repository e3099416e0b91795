"""Names the files that a damaged segment had, and that no repair can have, since the archive does not have them any more."""

from __future__ import annotations

from contextlib import suppress

from pywats_archive.archive.core import Archive
from pywats_archive.archive.replica import damage, progress, shipped
from pywats_archive.errors import KeyMissing, SegmentDamaged
from pywats_archive.replication import names
from pywats_archive.replication.fetching import whole_segment
from pywats_archive.replication.repair.lookup import Repair
from pywats_archive.replication.segment.reading import Segment
from pywats_archive.vault.store import Vault


def lost_files(archive: Archive, vault: Vault, segment: str, repair: Repair) -> list[str]:
    """Return the files that a repair lacks and that cannot be read from the segment either.

    Those of erased entries are not among them, nor those of entries that had been purged before the segment was made.
    """
    absent = repair.description.absent
    if not absent:
        return []
    first, chain = names.first_of(segment) or 0, progress.chain_of(archive) or ""
    noted = shipped.segment_at(archive, vault.url, chain, first)
    left: Segment | None = None
    with suppress(SegmentDamaged, KeyMissing):
        left = whole_segment(vault, segment)
    lost = damage.lost(archive, absent, since=noted.at if noted else None)
    return [path for path in lost if not (left and _is_in(left, path))]


def _is_in(segment: Segment, path: str) -> bool:
    with suppress(SegmentDamaged):
        return path in segment.files and bool(segment.read(path))
    return False
