"""An archive in which one entry is read from fetched blobs, in a folder of their own, instead of its own ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.encryption import blobs_of
from pywats_archive.catalog import entries, erasing, events, reports, vault_segments
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.step import no_step


class FetchedArchive(Archive):
    """The same archive with blobs from a vault. A purged entry is read like any other; accesses are recorded with the vault."""

    def __init__(self, archive: Archive, folder: Path, *, vault: str, keys: Path | None) -> None:
        self.__dict__.update(archive.__dict__)
        self.vault = vault
        self.blobs = blobs_of(folder, archive.description, keys, None, on_step=no_step, require_root=lambda: None)

    def entry(self, archive_id: str) -> ArchiveEntry:
        return replace(super().entry(archive_id), purged_at=None)

    def close(self) -> None:
        """Do nothing: the archive itself stays open."""


def paths_of(archive: Archive, archive_id: str) -> frozenset[str]:
    """Return the blobs that an entry has, or had before it was purged; none once its erasure has begun."""
    with archive.read() as db:
        entry = entries.get(db, archive_id)
        if erasing.has_begun(db, archive_id):
            return frozenset()
        named = (entry.source_archived_path, *(each.archived_path for each in entry.companions))
        return frozenset(
            path for path in (*named, *(each.archived_path for each in reports.of_entry(db, archive_id))) if path
        )


def segments_with(archive: Archive, vault: str, chain: str, archive_id: str) -> dict[int, int]:
    """Return the segments that have the entry's events, as far as the catalog knows them: the first event and size of each."""
    with archive.read() as db:
        numbers = [event.sequence for event in events.readable_of_entry(db, archive_id) if event.sequence]
        found = (vault_segments.with_event(db, vault, chain, number) for number in numbers)
        return dict(segment for segment in found if segment is not None)
