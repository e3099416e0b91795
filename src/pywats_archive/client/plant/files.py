"""Files of one entry of a plant, read from the vault: its source, its companions and its reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pywats_archive.client.contents import ArchivedFile, stream
from pywats_archive.errors import ArchiveError, UsageError
from pywats_archive.models.entry import ArchiveEntry
from pywats_archive.models.plant.entry import PlantEntryDetails

if TYPE_CHECKING:
    from pywats_archive.archive.replica.loose import LooseEntry
    from pywats_archive.vault.store import Vault

_PREFIX = "pywats-archive-"
_CHUNK = 1 << 16


class PlantFiles:
    """The files of an entry; each is fetched from the vault once it is asked for, and checked while it is read."""

    def __init__(self, vault: Vault, details: PlantEntryDetails, *, keys: Path | None) -> None:
        self._vault = vault
        self._details = details
        self._keys = keys
        self._stack = ExitStack()
        self._fetched: LooseEntry | None = None

    @property
    def entry(self) -> ArchiveEntry:
        """The entry as its row in the vault has it; BlobMissing if the vault does not have its source."""
        return self._loose.found

    def open_source(self, _archive_id: str = "", *, actor: str | None = None) -> ArchivedFile:
        """Return the source, or the tar of a folder, as a file; the last ``read`` raises BlobDamaged if it is damaged."""
        found = self._loose.found
        return self._opened(self._loose.blobs.read_checked(found.source_archived_path, found.source_checksum))

    def open_companion(self, _archive_id: str, name: str, *, actor: str | None = None) -> ArchivedFile:
        """Return a companion as ``open_source`` does; UsageError lists the companions there are."""
        from pywats_archive.archive.restore.content import companion_named, unrecorded_companion

        return self._opened(unrecorded_companion(self._loose, companion_named(self._loose.found, name)))

    def open_report(self, _archive_id: str, number: int, *, actor: str | None = None) -> ArchivedFile:
        """Return the exact JSON of a report as ``open_source`` does, counted from 1; UsageError if there is none."""
        from pywats_archive.plant.restoring import fetch_report

        reports = self._details.reports
        if not 1 <= number <= len(reports):
            raise UsageError(f"{self._details.entry.archive_id}: has no report {number}; there are {len(reports)}")
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix=_PREFIX)))
        return self._opened(
            fetch_report(self._vault, self._details.entry, reports[number - 1], folder, keys=self._keys)
        )

    def close(self) -> None:
        """Remove what was fetched; idempotent."""
        self._stack.close()

    @property
    def _loose(self) -> LooseEntry:
        from pywats_archive.plant.restoring import fetch

        if self._fetched is None:
            folder = Path(self._stack.enter_context(TemporaryDirectory(prefix=_PREFIX)))
            self._fetched = fetch(self._vault, self._details.entry, folder, keys=self._keys)
        return self._fetched

    def _opened(self, chunks: Iterator[bytes]) -> ArchivedFile:
        file = stream(chunks)
        file.vault = self._vault.url
        return file


@contextmanager
def files_of(details: PlantEntryDetails, vault: str, *, config: Path | None) -> Iterator[PlantFiles]:
    """Lend the files of an entry; they are removed at the end. ``config`` has the keys of the vault, and others beside it."""
    files = _files(details, vault, config)
    try:
        yield files
    finally:
        files.close()


def download(
    details: PlantEntryDetails, vault: str, opened: Callable[[PlantFiles], ArchivedFile], *, config: Path | None
) -> tuple[ArchivedFile, PlantFiles]:
    """Open one file of an entry, to be read later; once it is closed, what was fetched is removed."""
    files, lent = _files(details, vault, config), ExitStack()
    lent.callback(files.close)
    try:
        content = lent.enter_context(opened(files))
    except ArchiveError:
        lent.close()
        raise
    return stream(iter(lambda: content.read(_CHUNK), b""), lent), files


def _files(details: PlantEntryDetails, vault: str, config: Path | None) -> PlantFiles:
    from pywats_archive.client.vault.station import settings_of
    from pywats_archive.vault.opening import open_vault

    found = open_vault(settings_of(config, vault), tries_again=True)
    return PlantFiles(found, details, keys=config.parent if config else None)
