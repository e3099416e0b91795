"""Carrying out the plans: sources are released or ignored, and draining lanes complete unfinished work."""

from __future__ import annotations

from pathlib import Path

import structlog

from pywats_archive.archive import ledger
from pywats_archive.config import StationConfig
from pywats_archive.models.arrival import ArrivalState
from pywats_archive.models.time import Clock
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes import relocated
from pywats_archive.pipeline.lanes.attachment import Attaching
from pywats_archive.pipeline.lanes.converter import ConverterBreaker
from pywats_archive.pipeline.lanes.lane import Lane, new_scan
from pywats_archive.pipeline.lanes.ledgers import AwayLedger
from pywats_archive.pipeline.lanes.loading import ConverterLoader
from pywats_archive.pipeline.leftovers.plan import Release, leftover_plan, release
from pywats_archive.pipeline.leftovers.survey import facts, is_set_aside, skipping, surveys
from pywats_archive.pipeline.mounts.pool import ArchivePool

log = structlog.get_logger()


class Leftovers:
    """Unfinished work of earlier configurations in this station's archives; for the service's own thread."""

    def __init__(
        self, pool: ArchivePool, loader: ConverterLoader, attaching: Attaching, spool: Spool, *, clock: Clock
    ) -> None:
        self._pool = pool
        self._loader = loader
        self._attaching = attaching
        self._spool = spool
        self._now = clock

    def draining_lanes(self, lane: Lane, station: StationConfig) -> tuple[Lane, ...]:
        """Make draining lanes for a lane's unfinished sources in other archives, or under other names.

        If the lane's archive is away, ``lane.predecessors.is_unknown`` is set, and this is repeated when it is back.
        """
        if lane.predecessors.is_unknown:
            self.follow((lane,), station)
        made: list[Lane] = []
        for survey in list(surveys(lane, station, self._pool, self._spool)):
            with skipping(survey.root):
                plan = leftover_plan(survey, facts(lane, station))
                if plan.release:
                    self._release(survey.root, plan.release)
                lane.predecessors.ignored |= {a.path: a.stamp for a in plan.ignored}
                if plan.drain:
                    made.append(self._draining(lane, survey.name, survey.root))
                    log.info("lane.draining", converter=survey.name, root=str(survey.root), sources=plan.in_hand)
        lane.predecessors.lanes = (*lane.predecessors.lanes, *made)
        lane.predecessors.is_unknown = lane.away is not None
        return tuple(made)

    def is_drained(self, lane: Lane) -> bool:
        """Whether a draining lane has completed all its work."""
        if lane.archive is None or not self._spool.is_empty(lane.config):
            return False
        return lane.name not in ledger.unfinished_counts(lane.archive)

    def follow(self, lanes: tuple[Lane, ...], station: StationConfig) -> None:
        """Record the current paths of unfinished sources whose watch folder has another name, or another converter.

        Unfinished sources of another converter in a lane's folder stay with that converter; the lane ignores them.
        """
        for root in station.archive_roots(even_unused=True):
            if str(root) in self._pool.known:
                with skipping(root):
                    self._follow_in(root, lanes, station)

    def open_waiting(self, station: StationConfig, lanes: tuple[Lane, ...]) -> None:
        """Open archives that no lane uses and in which something waits: their reports are sent, their sources are an alert."""
        used = {lane.root for lane in lanes}
        for root in station.archive_roots(even_unused=True):
            if root not in used and str(root) in self._pool.known:
                with skipping(root):
                    with self._pool.reading(root) as archive:
                        waits = ledger.is_any_waiting(archive)
                    if waits:
                        self._pool.attach(self._pool.mount(root))

    def _draining(self, lane: Lane, name: str, root: Path) -> Lane:
        config, mount = lane.config.model_copy(update={"name": name}), self._pool.mount(root)
        draining = Lane(
            config=config,
            job=lane.job,
            converter=ConverterBreaker(config.arguments),
            listing=lane.listing.for_lane(config),
            ledger=AwayLedger(name, clock=self._now),
            scan=new_scan(config),
            folder=lane.folder,
            mount=mount,
            is_draining=True,
        )
        self._loader.load(draining)
        self._attaching.attach(draining, self._pool.attach(mount))
        return draining

    def _release(self, root: Path, released: Release) -> None:
        archive = self._pool.attach(self._pool.mount(root))
        ledger.release(archive, released.arrivals, reason=released.reason, where=released.where)

    def _follow_in(self, root: Path, lanes: tuple[Lane, ...], station: StationConfig) -> None:
        with self._pool.reading(root) as archive:
            in_hand = relocated.in_hand_elsewhere(archive, station)
            places = relocated.places_now(archive, in_hand, lanes, station)
        if places:
            log.warning("sources.relocated", root=str(root), sources=len(places))
            ledger.relocate(self._pool.attach(self._pool.mount(root)), places)
        for lane in (lane for lane in lanes if lane.accepts_new):
            theirs = relocated.of_others(root, in_hand, lane.config, station)
            if seen := tuple(arrival for arrival in theirs if arrival.state is ArrivalState.SEEN):
                self._release(root, release(seen, has_its_name=False))
            ignored = (a for a in theirs if a.state is not ArrivalState.SEEN and not is_set_aside(a))
            lane.predecessors.ignored |= {a.path: a.stamp for a in ignored}
