"""Finding the unfinished work of earlier configurations in the known archives; nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from pywats_archive.archive import ledger
from pywats_archive.archive.core import Archive
from pywats_archive.config import StationConfig
from pywats_archive.errors import ArchiveError
from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.deferred.spool import Spool
from pywats_archive.pipeline.lanes import relocated
from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.leftovers.plan import LaneFacts, Survey
from pywats_archive.pipeline.mounts.pool import ArchivePool

log = structlog.get_logger()


def surveys(lane: Lane, station: StationConfig, pool: ArchivePool, spool: Spool) -> Iterator[Survey]:
    """Yield a survey for each archive that this configuration ever created, and each name that a lane's sources may have there.

    An archive that cannot be read is skipped and logged; the lane's own one is surveyed once it is back.
    """
    surveyed = {(other.name, other.root) for other in lane.predecessors.lanes}
    for root in pool.known_roots(station):
        if lane.away and root == lane.root:
            continue
        with skipping(root), pool.reading(root) as archive:
            for name in _names(archive, root, lane, station):
                if (name, root) not in surveyed:
                    yield _survey(archive, root, name, lane, station, spool)


def facts(lane: Lane, station: StationConfig) -> LaneFacts:
    """Return the facts about a lane that the plan depends on."""
    watching = [c for c in station.converters if c.enabled and c.watch_folder == lane.config.watch_folder]
    return LaneFacts(name=lane.name, root=lane.root, watches=lane.watches, is_alone=len(watching) == 1)


@contextmanager
def skipping(root: Path) -> Iterator[None]:
    """Skip and log an archive that fails."""
    try:
        yield
    except ArchiveError as exc:
        log.warning("archive.skipped", root=str(root), reason=str(exc))


def is_set_aside(arrival: Arrival) -> bool:
    """Whether a source is in Pending; one that was being brought back may already be in its watch folder."""
    return arrival.moved_to is not None and os.path.lexists(arrival.moved_to)


def _names(archive: Archive, root: Path, lane: Lane, station: StationConfig) -> tuple[str, ...]:
    """Return the names that a lane's sources may have in an archive, except its own name in its own archive."""
    own = () if root == lane.root else (lane.name,)
    if not lane.watches:
        return own
    here = relocated.watching_with(lane.config, station)
    names = ledger.converter_names(archive)
    gone = (name for name in names if name not in here and not relocated.is_there(name, root, station))
    return (*own, *gone)


def _survey(archive: Archive, root: Path, name: str, lane: Lane, station: StationConfig, spool: Spool) -> Survey:
    is_named = root in station.archive_roots(even_unused=True)
    unfinished = tuple(_unfinished(archive, name, lane, is_named=is_named))
    return Survey(
        root=root,
        name=name,
        is_named=is_named,
        unfinished=unfinished,
        finished=_finished(archive, name, lane),
        set_aside=frozenset(a.number for a in unfinished if is_set_aside(a)),
        has_parked=is_named and not spool.is_empty(lane.config.model_copy(update={"name": name})),
    )


def _unfinished(archive: Archive, name: str, lane: Lane, *, is_named: bool) -> Iterator[Arrival]:
    """Yield the unfinished arrivals in a lane's watch folder: the archive may be of a station that this one is a copy of."""
    folder = lane.config.watch_folder
    for arrival in ledger.unfinished(archive, name):
        if os.path.dirname(arrival.path) == folder if lane.watches else is_named:  # noqa: PTH120 (strings, as in a listing)
            yield arrival


def _finished(archive: Archive, name: str, lane: Lane) -> tuple[Arrival, ...]:
    """Return finished sources that are still in the watch folder, as with KEEP: they would be sent under a second id."""
    try:
        listing = lane.listing.read().sources if lane.watches else {}
    except OSError:  # the scan reports it
        return ()
    at = ledger.latest_at(archive, name, list(listing))
    return tuple(a for path, a in at.items() if a.state.is_final and lane.accounts_for(a, listing[path]))
