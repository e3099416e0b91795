"""The restoring of one entry, with its outcome as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pywats_archive.archive.access import recording
from pywats_archive.archive.core import Archive
from pywats_archive.archive.restore import source
from pywats_archive.archive.restore.reports import restore_reports
from pywats_archive.archive.restore.salvage import salvage_source
from pywats_archive.client.contents import FromVault
from pywats_archive.errors import ArchiveError


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """The restoring of one entry: where its source is now, or why it failed."""

    archive_id: str
    """The entry."""
    path: Path | None = None
    """Where its source is now; None if it was not restored."""
    error: str | None = None
    """Why it failed, or what is wrong with the restored source."""
    reports: tuple[Path, ...] = ()
    """Where its reports are now, if they were restored too."""
    is_on_record: bool = True
    """Whether the restore is in the archive's history, or will be once the service records its note."""
    vault: str | None = None
    """The vault that the files came from; None if they came from the archive."""


@dataclass(frozen=True, slots=True)
class Restoring:
    """How entries are restored."""

    actor: str
    even_damaged: bool = False
    reports: bool = False
    vault_of: Callable[[], FromVault | None] = lambda: None

    def restore(self, archive: Archive, archive_id: str, folder: Path) -> Restored:
        """Restore one entry; from the vault, if the archive's own files cannot be read."""
        done = self._restored(archive, archive_id, folder)
        if done.path is not None:
            return done
        try:
            if not archive.entry(archive_id).source_archived_path or (vault := self.vault_of()) is None:
                return done
            with vault(archive, archive_id) as fetched:
                again = replace(self._restored(fetched, archive_id, folder), vault=fetched.vault)
        except ArchiveError as exc:
            return replace(done, error=f"{done.error}; reading it from the vault failed: {exc}")
        return again if again.path is not None else done

    def _restored(self, archive: Archive, archive_id: str, folder: Path) -> Restored:
        done = (salvage if self.even_damaged else restore)(archive, archive_id, folder, self.actor)
        return with_reports(archive, done, self.actor) if self.reports else done


def restore(archive: Archive, archive_id: str, folder: Path, actor: str) -> Restored:
    try:
        path = source.restore_source(archive, archive_id, folder, actor=actor)
    except ArchiveError as exc:
        return Restored(archive_id=archive_id, error=str(exc))
    return Restored(archive_id=archive_id, path=path, is_on_record=recording.is_possible(archive))


def salvage(archive: Archive, archive_id: str, folder: Path, actor: str) -> Restored:
    try:
        salvaged = salvage_source(archive, archive_id, folder, actor=actor)
    except ArchiveError as exc:
        return Restored(archive_id=archive_id, error=str(exc))
    is_on_record = recording.is_possible(archive)
    return Restored(archive_id=archive_id, path=salvaged.path, error=salvaged.damage, is_on_record=is_on_record)


def with_reports(archive: Archive, restored: Restored, actor: str) -> Restored:
    """Restore the reports too, beside the source; those that fail are in ``error``."""
    if restored.path is None:
        return restored
    found = restore_reports(archive, restored.archive_id, restored.path, actor=actor)
    faults = "; ".join(filter(None, (restored.error, *found.faults)))
    return replace(restored, reports=found.paths, error=faults or None)
