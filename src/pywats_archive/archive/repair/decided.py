"""Decisions about entries from before their catalog was rebuilt: what was purged, and what was rolled back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pywats_archive.archive import decision_log
from pywats_archive.archive.folder import layout
from pywats_archive.catalog.former_history import FormerHistory, former_history


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """Decisions from the notes beside the catalog, and from the old catalog's history."""

    noted_purged: Mapping[str, datetime]
    """When each of these entries was purged."""
    noted_rolled_back: Mapping[str, frozenset[str]]
    """By entry: the paths of its reports that were rolled back."""
    noted_erased: frozenset[str]
    """The entries that were to be erased."""
    history: FormerHistory

    def is_purged(self, archive_id: str) -> bool:
        """Whether the entry is recorded as purged, so that its remaining blobs are to be removed."""
        return archive_id in self.noted_purged or self.history.is_purged(archive_id)

    def purged_at(self, archive_id: str) -> datetime | None:
        """Return when the entry was purged; None if that is not noted."""
        return self.noted_purged.get(archive_id)

    def rolled_back(self, archive_id: str) -> frozenset[str]:
        """Return the paths of the entry's reports that were rolled back."""
        return self.noted_rolled_back.get(archive_id, frozenset()) | self.history.rolled_back(archive_id)


@contextmanager
def decided(root: Path) -> Iterator[Decided]:
    """Read the decisions in the archive at ``root``; its old catalog stays open meanwhile."""
    with former_history(root / layout.CATALOG) as history:
        yield Decided(
            noted_purged=decision_log.purged(root),
            noted_erased=frozenset(decision_log.erased(root)),
            noted_rolled_back=_by_entry(decision_log.rolled_back(root)),
            history=history,
        )


def _by_entry(paths: Iterable[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for path in paths:
        entry = decision_log.entry_of(path)
        found[entry] = found.get(entry, frozenset()) | {path}
    return found
