"""The folder of one archive, which may go away with its disk or share and come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.errors import ArchiveError, ArchiveInUse
from pywats_archive.pipeline.mounts.disk import DiskSpace
from pywats_archive.pipeline.mounts.leases import Leases


class ArchiveMount:
    """One archive's folder, shared by all lanes that use it.

    The service's own thread attaches and detaches the archive; any thread may read, and take a lease.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.disk = DiskSpace(root)
        self.archive: Archive | None = None
        """The archive, while it is open."""
        self.away: ArchiveError | None = None
        """Why the archive is away, or cannot be opened; it stays open until all work with it has ended."""
        self.taken: ArchiveInUse | None = None
        """The error that names the archive as another service's: it is not opened, even once that service stops."""
        self.is_paused = False
        """Whether no new work may begin: the archive is about to be closed or opened."""
        self.is_used = False
        """Whether a lane of the current configuration uses it; otherwise it is open only because reports wait in it."""
        self.is_encrypted = False
        """Whether the configuration requires that the archive is encrypted."""
        self.leases = Leases()

    def trouble(self) -> ArchiveError | None:
        """Return why the archive accepts no new source now, if so; cheap, and safe from any thread."""
        away, archive = self.away, self.archive
        if away or archive is None:
            return away
        return archive.reserve.trouble() or self.disk.trouble()

    def pause(self, why: ArchiveError | None = None) -> None:
        """Let no new work begin."""
        self.is_paused = True  # before ``away``: a thread that sees the archive away must not begin work
        if why:
            self.away = why

    def resume(self, away: ArchiveError | None = None) -> None:
        """Let work begin again; with ``away``, without the archive."""
        self.away, self.is_paused = away, False

    @contextmanager
    def lease(self, archive: Archive) -> Iterator[bool]:
        """Keep ``archive`` open inside; yields whether it may be used: not for an archive that no lane uses."""
        self.leases.begin()
        try:
            is_ready = self.archive is archive and self.is_used
            yield is_ready and not (self.away or self.is_paused)
        finally:
            self.leases.end()
