"""New sources that wait to be archived in groups."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from pywats_archive.models.arrival import Arrival
from pywats_archive.pipeline.lanes.lane import Lane

LEAST = 8
"""Fewer sources are archived singly, side by side."""
MOST = 32
"""The greatest number of sources in a group; their conversions wait for the last of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A source that waits, and its turn in the queue of work."""

    arrival: Arrival
    turn: int


@dataclass(kw_only=True, eq=False, slots=True)
class _OfLane:
    waiting: deque[Waiting]
    is_taken: bool = False


class Groups:
    """The sources of each lane that wait for a group; one group of a lane is taken at a time. Safe to use from many threads.

    While it is archived, the sources of the group before are converted: a group that is taken earlier would let the lane's
    own conversions, and other lanes, wait.
    """

    def __init__(self) -> None:
        self._lanes: dict[Lane, _OfLane] = {}
        self._mutex = threading.Lock()

    def add(self, lane: Lane, waiting: Iterable[Waiting]) -> None:
        """Let sources of a lane wait."""
        with self._mutex:
            self._lanes.setdefault(lane, _OfLane(waiting=deque())).waiting.extend(waiting)

    def take(self, lane: Lane) -> list[Waiting]:
        """Take the next sources of a lane; none while a group of it is taken.

        At least ``LEAST`` of them are a group, until ``end``; fewer are all that wait.
        """
        with self._mutex:
            mine = self._lanes.get(lane)
            if mine is None or mine.is_taken:
                return []
            taken = [mine.waiting.popleft() for _ in range(min(MOST, len(mine.waiting)))]
            mine.is_taken = len(taken) >= LEAST
            if not mine.is_taken:
                del self._lanes[lane]
            return taken

    def end(self, lane: Lane) -> None:
        """End the group of a lane, so that the next can be taken."""
        with self._mutex:
            if lane in self._lanes:
                self._lanes[lane].is_taken = False

    def has_waiting(self, lane: Lane) -> bool:
        """Whether sources of a lane wait."""
        mine = self._lanes.get(lane)
        return mine is not None and bool(mine.waiting)

    def drop(self) -> None:
        """Drop all that wait or are taken: the next scan finds these sources again."""
        with self._mutex:
            self._lanes.clear()


def takes(lane: Lane) -> bool:
    """Whether sources of a lane may be archived in groups: files without companions, with their bytes."""
    config = lane.config
    is_archived = lane.attachment is not None and config.archive_source_files
    return is_archived and config.converter_type == "file" and not config.companion_rules
