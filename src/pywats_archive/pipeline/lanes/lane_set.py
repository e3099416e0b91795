"""The lanes of the current configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pywats_archive.pipeline.lanes.lane import Lane
from pywats_archive.pipeline.mounts.mount import ArchiveMount
from pywats_archive.pipeline.mounts.pool import ArchivePool


class LaneSet:
    """All lanes; replaced as a whole by the service's own thread, read from any thread."""

    def __init__(self, pool: ArchivePool) -> None:
        self._pool = pool
        self._lanes: tuple[Lane, ...] = ()

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes)

    def use(self, lanes: Iterable[Lane]) -> None:
        """Use these lanes from now on."""
        self._lanes = tuple(lanes)
        self._note_use()

    def add(self, lanes: Iterable[Lane]) -> None:
        """Use these lanes as well."""
        self._lanes = (*self._lanes, *lanes)
        self._note_use()

    def remove(self, lane: Lane) -> None:
        """Remove a draining lane, also from the predecessors of other lanes."""
        self._lanes = tuple(each for each in self._lanes if each is not lane)
        for each in self._lanes:
            each.predecessors.lanes = tuple(other for other in each.predecessors.lanes if other is not lane)
        self._note_use()

    def of(self, mount: ArchiveMount) -> tuple[Lane, ...]:
        """Return the lanes that use a mount."""
        return tuple(lane for lane in self._lanes if lane.mount is mount)

    def is_attached(self, mount: ArchiveMount) -> bool:
        """Whether all lanes that use a mount have its open archive."""
        return all(lane.archive is mount.archive for lane in self.of(mount))

    def now(self, lane: Lane) -> Lane:
        """Return the current lane for a lane of an earlier configuration; the same lane if there is none."""
        return next((each for each in self._lanes if each.key == lane.key), lane)

    def _note_use(self) -> None:
        used = {lane.root for lane in self._lanes}
        for mount in self._pool.mounts:
            mount.is_used = mount.root in used
