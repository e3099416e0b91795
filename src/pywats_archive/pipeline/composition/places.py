"""The places that a service works on, and the lanes over them."""

from __future__ import annotations

from contextlib import ExitStack

from pywats_archive.archive.core import Archive
from pywats_archive.archive.repair.rebuild import Rebuilding
from pywats_archive.config import StationConfig
from pywats_archive.conversion.pool.processes import ConverterProcesses
from pywats_archive.host.settings.key import load_key
from pywats_archive.pipeline.assembly import Assembly
from pywats_archive.pipeline.composition.alarms import Alarms
from pywats_archive.pipeline.deferred.backfill import Backfill
from pywats_archive.pipeline.deferred.note import Seal
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.folders.ownership import WatchFolders
from pywats_archive.pipeline.lanes.attachment import Attaching
from pywats_archive.pipeline.lanes.lane_set import LaneSet
from pywats_archive.pipeline.lanes.loading import ConverterLoader
from pywats_archive.pipeline.leftovers.draining import Leftovers
from pywats_archive.pipeline.leftovers.orphans import Orphans
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.pipeline.settings import Settings


class Places:
    """Archives, watch folders, and the lanes of the current configuration; ``exits`` closes the first two."""

    def __init__(
        self,
        station: StationConfig,
        settings: Settings,
        alarms: Alarms,
        *,
        processes: ConverterProcesses,
        exits: ExitStack,
    ) -> None:
        alerts, clock, path = alarms.alerts, settings.clock, station.path
        repair = (
            Rebuilding(clock=clock, backup_folder=station.backup_folder, keys=path.parent) if settings.repair else None
        )
        self.pool = exits.enter_context(ArchivePool(path, alerts, clock=clock, repair=repair))
        self.folders = WatchFolders(path, alerts, alarms.tasks)
        exits.callback(self.folders.close)
        self.spool = Spool(Seal(lambda: load_key(path.parent), accepts_unsigned=settings.accept_notes))
        self.backfill = Backfill(self.spool, alerts, alarms.failures)
        self._attaching = Attaching(path, clock=clock)
        self.loader = ConverterLoader(processes, self._attaching)
        self.leftovers = Leftovers(self.pool, self.loader, self._attaching, self.spool, clock=clock)
        self.orphans = Orphans(self.pool, alerts)
        self.assembly = Assembly(self.pool, self.folders, self.loader, self._attaching, self.leftovers, clock=clock)
        self.lanes = LaneSet(self.pool)

    def attach(self, mount: ArchiveMount, archive: Archive) -> None:
        """Attach all lanes that use a mount to its open archive."""
        for lane in self.lanes.of(mount):
            if lane.archive is not archive:
                self._attaching.reattach(lane, archive)

    def detach(self, mount: ArchiveMount) -> None:
        """Detach all lanes that use a mount from its archive."""
        for lane in self.lanes.of(mount):
            self._attaching.detach(lane)

    def close_unused(self) -> None:
        """Close the watch folders and archives that no lane uses."""
        self.folders.release_except(lane.folder for lane in self.lanes if lane.folder)
        self.pool.close_unused()
