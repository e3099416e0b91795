"""A lane: one converter with its configuration, its watch folder, its ledger, and its archive if it has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pywats_archive.archive.core import Archive
from pywats_archive.config import ConverterConfig
from pywats_archive.conversion.interceptor import ArchiveInterceptor
from pywats_archive.errors import ArchiveAway, ArchiveError, FolderAway
from pywats_archive.host.job import ConversionJob
from pywats_archive.models.arrival import Arrival
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.pipeline.folders import identity
from pywats_archive.pipeline.folders.debounce import Debounce
from pywats_archive.pipeline.folders.listing import SourceListing
from pywats_archive.pipeline.folders.presence import WatchFolder
from pywats_archive.pipeline.folders.scan import FolderScan
from pywats_archive.pipeline.lanes.converter import ConverterBreaker
from pywats_archive.pipeline.lanes.key import Key, LaneKey
from pywats_archive.pipeline.lanes.ledgers import Ledger
from pywats_archive.pipeline.mounts.leases import Leases
from pywats_archive.pipeline.mounts.mount import ArchiveMount


@dataclass(kw_only=True, eq=False)
class Predecessors:
    """A converter's unfinished work of earlier configurations."""

    lanes: tuple[Lane, ...] = ()
    """Draining lanes: one for each archive or earlier name with unfinished work of this converter."""
    ignored: dict[str, FileStamp] = field(default_factory=dict)
    """Sources in the watch folder that are not processed while they stay unchanged: an earlier archive has them."""
    is_unknown: bool = False
    """Whether this is not known yet, because the lane's archive was away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A lane's archive while it is open, and the interceptor that archives the lane's sources."""

    archive: Archive
    interceptor: ArchiveInterceptor


@dataclass(kw_only=True, eq=False)
class Lane:
    """One converter and its parts. Each part says which threads may change it."""

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
    """None while there is no open archive. Only the service's own thread changes it, while no work runs."""
    sharers: tuple[Lane, ...] = ()
    """All lanes that watch its folder, including itself, in order of priority; empty when it is the only one."""
    predecessors: Predecessors = field(default_factory=Predecessors)
    is_draining: bool = False
    """Whether it only completes unfinished work, and accepts no new source."""
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
        """The archive's folder, available or not."""
        return self.mount.root if self.mount else None

    @property
    def key(self) -> LaneKey:
        """What it is known by after a reload."""
        return LaneKey(self.name, self.root)

    def key_of(self, arrival: Arrival) -> Key:
        """Return the key of an arrival in its ledger."""
        return Key(self.key, arrival.number)

    @property
    def archive(self) -> Archive | None:
        """The archive, while it is open."""
        return self.attachment.archive if self.attachment else None

    @property
    def interceptor(self) -> ArchiveInterceptor | None:
        """The interceptor that archives its sources, while the archive is open."""
        return self.attachment.interceptor if self.attachment else None

    @property
    def away(self) -> ArchiveError | None:
        """Why its archive is away, if it is; one that is open counts as away until the lane is attached to it."""
        if self.mount is None:
            return None
        away = self.mount.away  # read once: another thread may be opening the archive
        if away or self.attachment:
            return away
        return ArchiveAway(f"{self.mount.root}: is open, and '{self.name}' is not attached to it yet")

    @property
    def is_paused(self) -> bool:
        """Whether no new work may begin, because its archive is about to be closed or opened."""
        return self.mount is not None and self.mount.is_paused

    @property
    def watches(self) -> bool:
        """Whether it has a watch folder; otherwise it is scheduled."""
        return self.config.converter_type != "scheduled"

    @property
    def accepts_new(self) -> bool:
        """Whether its watch folder is scanned."""
        return self.watches and not self.is_draining

    @property
    def is_taken(self) -> bool:
        """Whether another service owns its watch folder, so that nothing there is touched."""
        return self.folder is not None and self.folder.taken is not None

    @property
    def is_folder_away(self) -> bool:
        """Whether its watch folder was away or taken at the last check."""
        return self.folder is not None and self.folder.was_away

    def archive_trouble(self) -> ArchiveError | None:
        """Return why its archive accepts no new source now, if so; cheap, and safe from any thread."""
        return self.away or (self.mount.trouble() if self.mount else None)

    def folder_trouble(self) -> FolderAway | None:
        """Return why its watch folder is away or taken, if so: its sources have not vanished then."""
        return self.folder.trouble() if self.folder else None

    @property
    def is_blocked(self) -> bool:
        """Whether all its new sources must wait in the watch folder."""
        if self.converter.error:  # only its code can say which sources it takes
            return True
        if self.archive_trouble() is None:
            return self.is_paused
        is_reclaiming = self.mount is not None and self.mount.disk.is_reclaiming
        return self.is_paused or is_reclaiming or self.config.on_archive_error == "hold"

    def accounts_for(self, known: Arrival, now: FileStamp) -> bool:
        """Whether the source at a path belongs to a known arrival."""
        is_folder = self.config.converter_type == "folder"
        return identity.accounts_for(known, now, is_folder=is_folder, by_inode=self.keeps_inodes)

    @property
    def keeps_inodes(self) -> bool:
        """Whether its watch folder has stable inode numbers, so that another number means another file."""
        return self.folder is not None and self.folder.keeps_inodes


def new_scan(config: ConverterConfig) -> FolderScan:
    """Return the state of a folder before its first scan."""
    return FolderScan(debounce=Debounce(settle_s=config.settle_seconds, empty_s=config.empty_seconds))
