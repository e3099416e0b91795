"""The files that this process archived recently or is archiving now; committed ones are in the catalog too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pywats_archive.catalog.stored import FileKey, Stored

_MOST = 10_000
"""How many files are remembered; beyond that the oldest are forgotten."""


class RecentFiles:
    """The files that this process archived recently, by day; safe to use from many threads."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, FileKey], Stored] = {}
        self._in_hand: set[FileKey] = set()
        self._shared: dict[str, bool] = {}
        self._changed = threading.Condition()

    @contextmanager
    def lock(self, key: FileKey) -> Iterator[None]:
        """Be the only thread that archives this file inside the block."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._in_hand)
            self._in_hand.add(key)
        try:
            yield
        finally:
            with self._changed:
                self._in_hand.remove(key)
                self._changed.notify_all()

    def find(self, day: str, key: FileKey) -> Stored | None:
        """Return what was archived of this file on ``day``."""
        with self._changed:
            return self._stored.get((day, key))

    def has_shared(self, day: str, ask: Callable[[], bool]) -> bool:
        """Whether the catalog may have files of ``day`` that are stored alone; ``ask`` reads that once a day."""
        with self._changed:
            if day not in self._shared:
                self._shared = {day: ask()}
            return self._shared[day]

    def note_shared(self, day: str) -> None:
        """Note that the catalog gets a file of ``day`` that is stored alone."""
        with self._changed:
            self._shared[day] = True

    def remember(self, day: str, key: FileKey, stored: Stored) -> bool:
        """Remember what was archived; returns whether the catalog does not know yet that this content is stored alone."""
        with self._changed:
            before = self._stored.pop((day, key), None)
            self._stored[day, key] = stored
            while len(self._stored) > _MOST:
                del self._stored[next(iter(self._stored))]
        return before is None or before.path is None or before.checksum != stored.checksum
