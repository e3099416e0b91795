"""The files that this process archived recently or is archiving now; committed ones are in the catalog too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pywats_archive.catalog.stored import Mark, Stored

_MOST = 10_000
"""How many files are remembered; beyond that the oldest are forgotten."""


class Shared:
    """The files that this process archived recently, by day; safe to use from many threads."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, Mark], Stored] = {}
        self._in_hand: set[Mark] = set()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, mark: Mark) -> Iterator[None]:
        """Be the only thread that archives this file meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: mark not in self._in_hand)
            self._in_hand.add(mark)
        try:
            yield
        finally:
            with self._changed:
                self._in_hand.remove(mark)
                self._changed.notify_all()

    def look(self, day: str, mark: Mark) -> Stored | None:
        """Return what was archived of this file on ``day``."""
        with self._changed:
            return self._stored.get((day, mark))

    def note(self, day: str, mark: Mark, stored: Stored) -> bool:
        """Remember what was archived; returns whether the catalog does not know yet that this content is stored alone."""
        with self._changed:
            before = self._stored.pop((day, mark), None)
            self._stored[day, mark] = stored
            if len(self._stored) > _MOST:
                del self._stored[next(iter(self._stored))]
        return before is None or before.path is None or before.checksum != stored.checksum
