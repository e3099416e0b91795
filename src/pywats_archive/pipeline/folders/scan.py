"""The state of one watch folder between two scans."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pywats_archive.models.arrival import Arrival, ArrivalState
from pywats_archive.pipeline.folders.debounce import Debounce


@dataclass(kw_only=True, eq=False)
class FolderScan:
    """The scan state of a watch folder.

    The service's own thread reads and writes all of it. Other threads only add to ``active``, ``stale``, ``archived``,
    ``changed`` and ``open_for_writing``, remove from them, or set ``needs_scan``: each a single atomic step.
    """

    debounce: Debounce
    needs_scan: bool = True
    """Whether the folder may differ from the last scan."""
    next_scan_s: float = 0.0
    known: dict[str, Arrival] = field(default_factory=dict)
    """The latest arrival at each path in the watch folder."""
    active: set[int] = field(default_factory=set)
    """Arrivals that are queued or being processed."""
    active_before: frozenset[int] = frozenset()
    """Arrivals that were active when the current scan began."""
    unstable: set[int] = field(default_factory=set)
    """Arrivals in the watch folder at the last scan that were not queued yet."""
    stale: deque[str] = field(default_factory=deque)
    """Paths whose arrival has changed since ``known`` was filled."""
    archived: deque[Arrival] = field(default_factory=deque)
    """Arrivals as they were archived, not yet copied into ``known``."""
    changed: set[str] = field(default_factory=set)
    """Paths of sources that changed during their conversion; if that happens again, the converter itself changes them."""
    reported: set[str] = field(default_factory=set)
    """Paths whose fault is already in the log."""
    repeated: set[str] = field(default_factory=set)
    """Paths that had an earlier source: the bytes of both are compared."""
    open_for_writing: dict[str, float] = field(default_factory=dict)
    """Paths that a program has open for writing, and since when (seconds of a monotonic clock)."""

    def is_unqueued(self, arrival: Arrival) -> bool:
        """Whether a source was only seen, and is neither queued nor being processed."""
        return arrival.state is ArrivalState.SEEN and not self._is_active(arrival)

    def is_in_hand(self, arrival: Arrival) -> bool:
        """Whether a seen source is being processed, so that its archived state is not known yet."""
        return arrival.state is ArrivalState.SEEN and self._is_active(arrival)

    def reset(self) -> None:
        """Forget what the ledger returned, so that the next scan reads it again."""
        self.known.clear()
        self.stale.clear()
        self.unstable = set()
        self.active_before = frozenset()
        self.needs_scan = True

    def _is_active(self, arrival: Arrival) -> bool:
        return arrival.arrival_id in self.active or arrival.arrival_id in self.active_before
