"""The lanes of a configuration: one for each enabled converter, and draining lanes for its unfinished work elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pywats_archive.config import ConverterConfig, StationConfig
from pywats_archive.errors import ArchiveAway, ArchiveError, ArchiveInUse
from pywats_archive.host.job import job_for
from pywats_archive.host.settings import neighbours
from pywats_archive.models.file_stamp import FileStamp
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.alerting.compliance import Overruled
from pywats_archive.pipeline.folders.listing import SourceListing
from pywats_archive.pipeline.folders.ownership import WatchFolders
from pywats_archive.pipeline.lanes.attachment import Attaching
from pywats_archive.pipeline.lanes.converter import ConverterBreaker
from pywats_archive.pipeline.lanes.key import LaneKey
from pywats_archive.pipeline.lanes.lane import Lane, new_scan
from pywats_archive.pipeline.lanes.ledgers import AwayLedger, Ledger, MemoryLedger
from pywats_archive.pipeline.lanes.loading import ConverterLoader
from pywats_archive.pipeline.leftovers.draining import Leftovers
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool
from pywats_archive.pipeline.processing.sharing import share

_Remembered = Mapping[LaneKey, Ledger]


class Assembly:
    """Makes lanes, in the service's own thread, while no other work runs."""

    def __init__(
        self,
        pool: ArchivePool,
        folders: WatchFolders,
        loader: ConverterLoader,
        attaching: Attaching,
        leftovers: Leftovers,
        *,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._folders = folders
        self._loader = loader
        self._attaching = attaching
        self._leftovers = leftovers
        self._now = clock

    def lanes(
        self, station: StationConfig, overruled: Iterable[Overruled], *, before: Iterable[Lane] = ()
    ) -> tuple[Lane, ...]:
        """Make a lane for each enabled converter, by priority, then its draining lanes.

        ``before``: the lanes of the previous configuration. Their in-memory ledgers are reused. ArchiveInUse if another service
        owns an archive, unless the only reason to archive into it is that it is compliant: these lanes wait.
        """
        forced = frozenset(each.converter_name for each in overruled)
        before = tuple(before)
        remembered = {lane.key: lane.ledger for lane in before if lane.archive is None}
        self._pool.set_minimum_free(station)
        enabled = sorted((c for c in station.converters if c.enabled), key=lambda c: c.priority)
        lanes = tuple(self._lane(config, station, remembered, is_forced=config.name in forced) for config in enabled)
        share(lanes)
        self._leftovers.follow(lanes, station)
        draining: list[Lane] = []
        for lane in lanes:
            draining.extend(self._leftovers.draining_lanes(lane, station))
            lane.predecessors.ignored |= _ignored_before(lane, before)
        lanes = (*lanes, *draining)
        self._leftovers.open_waiting(station, lanes)
        return lanes

    def _lane(
        self, config: ConverterConfig, station: StationConfig, remembered: _Remembered, *, is_forced: bool
    ) -> Lane:
        root = station.archive_root(config) if config.archive_enabled else None
        is_watching = config.converter_type != "scheduled"
        lane = Lane(
            config=config,
            job=job_for(config, station),
            converter=ConverterBreaker(config.arguments),
            listing=SourceListing(config, spared=neighbours.spared(config, station) if is_watching else frozenset()),
            ledger=remembered.get(LaneKey(config.name, root)) or self._new_ledger(config, root),
            scan=new_scan(config),
            folder=self._folders.open(config.watch_folder) if is_watching else None,
            mount=self._pool.mount(root) if root else None,
        )
        self._loader.load(lane)
        if lane.mount:
            self._attach(lane, lane.mount, is_forced=is_forced)
        return lane

    def _attach(self, lane: Lane, mount: ArchiveMount, *, is_forced: bool) -> None:
        mount.taken = None
        try:
            self._attaching.attach(lane, self._pool.attach(mount))
        except ArchiveAway as exc:
            mount.resume(exc)
        except ArchiveInUse:
            if not is_forced:
                raise
            mount.taken = ArchiveInUse(
                f"{mount.root}: is a compliant archive that another service owns, so the files of {lane.name} wait; name "
                "another archive_folder for this converter"
            )
            mount.resume(mount.taken)

    def _new_ledger(self, config: ConverterConfig, root: Path | None) -> Ledger:
        if root is None:
            return MemoryLedger(config.name, clock=self._now)
        return AwayLedger(config.name, clock=self._now)


def _ignored_before(lane: Lane, before: tuple[Lane, ...]) -> dict[str, FileStamp]:
    """Return the sources ignored so far, and those that the lane's previous archive left in the watch folder."""
    ignored: dict[str, FileStamp] = {}
    for each in (each for each in before if each.name == lane.name and each.accepts_new):
        ignored |= each.predecessors.ignored
        if each.archive and each.root != lane.root:
            known = dict(each.scan.known)
            with suppress(ArchiveError):
                known |= each.ledger.latest_at(list(each.scan.stale))
            ignored |= {a.path: a.stamp for a in known.values() if a.state.is_final and not a.moved_to}
    return ignored
