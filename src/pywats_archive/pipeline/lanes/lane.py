"""One converter at work: its configuration, its watch folder, its ledger, and its archive if it has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import ArchiveError, FolderAway
from pywats_archive.host.job import ConversionJob
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.folders import identity
from pywats_archive.pipeline.folders.debounce import Debounce
from pywats_archive.pipeline.folders.listing import SourceListing
from pywats_archive.pipeline.folders.presence import WatchFolder
from pywats_archive.pipeline.folders.scan import FolderScan
from pywats_archive.pipeline.lanes.converter import ConverterBreaker
from pywats_archive.pipeline.lanes.ledgers import Ledger
from pywats_archive.pipeline.mounts.leases import Leases
from pywats_archive.pipeline.mounts.mount import ArchiveMount


@dataclass(kw_only=True, eq=False)
class Predecessors:
    """What a lane's converter left unfinished under an earlier configuration."""

    lanes: tuple[Lane, ...] = ()
    """Draining lanes: one for each archive, or earlier name, that still has work of this converter."""
    ignored: dict[str, FileStamp] = field(default_factory=dict)
    """Sources in the watch folder that are not processed while they lie there unchanged: an earlier archive has them."""
    is_unknown: bool = False
    """Whether the lane's archive was away when the question was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A lane's archive while it is open, and what brings the lane's sources into it."""

    archive: Archive
    interceptor: ArchiveInterceptor


@dataclass(kw_only=True, eq=False)
class Lane:
    """One converter with all that belongs to it. Each part says which threads may change it."""

    config: ConverterConfig
    job: ConversionJob
    """The template of every conversion; the source's path is filled in."""
    converter: ConverterBreaker
    listing: SourceListing
    ledger: Ledger
    scan: FolderScan
    folder: WatchFolder | None = None
    """None for a scheduled converter."""
    mount: ArchiveMount | None = None
    """None when the converter is not archived."""
    attachment: Attachment | None = None
    """None while there is no open archive. Only the service's own thread changes it, while no work goes on."""
    sharers: tuple[Lane, ...] = ()
    """All lanes that watch its folder, itself among them, in order of priority; empty when it is the only one."""
    predecessors: Predecessors = field(default_factory=Predecessors)
    is_draining: bool = False
    """Whether it only finishes what is unfinished, and begins nothing new."""
    leases: Leases = field(init=False)
    """Work that is queued or running."""

    def __post_init__(self) -> None:
        self.leases = Leases(self.mount.leases if self.mount else None)

    @property
    def name(self) -> str:
        """The converter's name."""
        return self.config.name

    @property
    def root(self) -> Path | None:
        """The archive's folder, whether it is there or not."""
        return self.mount.root if self.mount else None

    @property
    def archive(self) -> Archive | None:
        """The archive, while it is open."""
        return self.attachment.archive if self.attachment else None

    @property
    def interceptor(self) -> ArchiveInterceptor | None:
        """What brings its sources into the archive, while it is open."""
        return self.attachment.interceptor if self.attachment else None

    @property
    def away(self) -> ArchiveError | None:
        """Why its archive is away, if it is."""
        return self.mount.away if self.mount else None

    @property
    def is_paused(self) -> bool:
        """Whether no new work may begin, because its archive is about to be closed or opened."""
        return self.mount is not None and self.mount.is_paused

    @property
    def watches(self) -> bool:
        """Whether sources are dropped for it; otherwise it is scheduled."""
        return self.config.converter_type != "scheduled"

    @property
    def takes_new(self) -> bool:
        """Whether its watch folder is scanned."""
        return self.watches and not self.is_draining

    @property
    def is_taken(self) -> bool:
        """Whether another service owns its watch folder: nothing there is touched."""
        return self.folder is not None and self.folder.taken is not None

    @property
    def is_folder_away(self) -> bool:
        """Whether its watch folder was away, or another service's, at the last check."""
        return self.folder is not None and self.folder.was_away

    def archive_trouble(self) -> ArchiveError | None:
        """Return why its archive accepts no new source now, if so; cheap, and right from any thread."""
        return self.mount.trouble() if self.mount else None

    def folder_trouble(self) -> FolderAway | None:
        """Return why its watch folder is away, or another service's, if so: what lay there has not vanished then."""
        return self.folder.trouble() if self.folder else None

    @property
    def is_blocked(self) -> bool:
        """Whether all its new sources wait where they are."""
        if self.converter.error:  # which sources are its own, only its code can say
            return True
        if self.archive_trouble() is None:
            return self.is_paused
        is_reclaiming = self.mount is not None and self.mount.disk.is_reclaiming
        return self.is_paused or is_reclaiming or self.config.on_archive_error == "hold"

    def accounts_for(self, known: Arrival, now: FileStamp) -> bool:
        """Whether a known arrival is what lies at its path."""
        is_folder = self.config.converter_type == "folder"
        by_inode = self.folder is not None and self.folder.keeps_inodes
        return identity.accounts_for(known, now, is_folder=is_folder, by_inode=by_inode)


def new_scan(config: ConverterConfig) -> FolderScan:
    """Return the scan state of a folder that was never scanned."""
    return FolderScan(debounce=Debounce(settle_s=config.settle_seconds, empty_s=config.empty_seconds))
