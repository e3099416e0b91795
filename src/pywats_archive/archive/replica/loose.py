"""One entry whose row and blobs came from elsewhere, read and restored as in its own archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pywats_archive.archive.core import Archive
from pywats_archive.archive.folder.description import described_by
from pywats_archive.archive.folder.encryption import blobs_of
from pywats_archive.archive.replica.rows import Row
from pywats_archive.archive.restore.source import restore_source
from pywats_archive.blobs import place
from pywats_archive.catalog import entries
from pywats_archive.errors import ArchiveError, BlobDamaged
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.step import no_step


class LooseEntry(Archive):
    """An entry without its archive: it is read like any other, also if it was purged there. Nothing is recorded."""

    def __init__(self, row: Row, folder: Path, description: Mapping[str, Any], *, keys: Path | None) -> None:
        """``folder`` has its blobs, and ``description`` is the archive's own; ``keys``: the folder with keys, if encrypted."""
        self.root = folder
        self.blobs = blobs_of(
            folder, described_by(description, folder), keys, None, on_step=no_step, require_root=lambda: None
        )
        self._entry = replace(_entry(row), purged_at=None)

    def entry(self, archive_id: str) -> ArchiveEntry:
        return self._entry

    @property
    def paths(self) -> frozenset[str]:
        """The blobs of its source and companions; BlobOutside if its row names a path that is not the place of one."""
        named = (self._entry.source_archived_path, *(each.archived_path for each in self._entry.companions))
        found = frozenset(filter(None, named))
        for path in found:
            self.require_place(path)
        return found

    def require_place(self, path: str) -> None:
        """Raise BlobOutside if a path is not the place of a blob."""
        place.require_shape(path, self.root)

    @property
    def found(self) -> ArchiveEntry:
        """The entry, as its row has it, but never as purged."""
        return self._entry

    def is_intact(self, path: str, checksum: str = "") -> bool:
        """Whether a source is what its row says, or a file has the checksum, and others what their header says.

        True if no key is here.
        """
        try:
            if path == self._entry.source_archived_path or checksum:
                self.blobs.check(path, checksum or self._entry.source_checksum)
            else:
                self.blobs.stored_file(path)
        except BlobDamaged:
            return False
        except ArchiveError:
            return True
        return True

    def restore(self, target: Path) -> Path:
        """Restore the source with its companions into a folder, checked against the checksums in the row; returns its path."""
        return restore_source(self, self._entry.archive_id, target, record_access=False)


def _entry(row: Row) -> ArchiveEntry:
    names = (column.rpartition(".")[2] for column in entries.COLUMNS.split(", "))
    return entries.entry_of([row.get(name) for name in names])
