"""What was decided of entries before their catalog had to be made again: what was purged, and what was set back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pywats_archive.archive import decision_log
from pywats_archive.archive.folder import layout
from pywats_archive.catalog.formerly import Formerly, formerly


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """Decisions as the notes beside the catalog have them, and as the old catalog's history tells them."""

    noted_purged: frozenset[str]
    noted_set_back: frozenset[str]
    history: Formerly

    def is_purged(self, archive_id: str) -> bool:
        """Whether the entry is on record as purged, so that what is left of its blobs is to go."""
        return archive_id in self.noted_purged or self.history.is_purged(archive_id)

    def set_back(self, archive_id: str) -> frozenset[str]:
        """Return the paths of the entry's reports that are out of force."""
        return self.noted_set_back | self.history.set_back(archive_id)


@contextmanager
def decided(root: Path) -> Iterator[Decided]:
    """Read what was decided in the archive at ``root``; its catalog stays open meanwhile."""
    with formerly(root / layout.CATALOG) as history:
        yield Decided(
            noted_purged=decision_log.purged_ids(root), noted_set_back=decision_log.set_back(root), history=history
        )
