"""Which files this process archived lately, and which it is archiving: the catalog knows them once they are committed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pywats_archive.models.stored import Mark, Stored

_MOST = 10_000
"""Files that are remembered; the first ones are forgotten for more."""


class Shared:
    """The files that this process archived lately, by day; safe to use from many threads."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, Mark], Stored] = {}
        self._in_hand: set[Mark] = set()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, mark: Mark) -> Iterator[None]:
        """Be the only one meanwhile who archives a file with this mark."""
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
        """Return what was archived on ``day`` of a file with this mark."""
        with self._changed:
            return self._stored.get((day, mark))

    def note(self, day: str, mark: Mark, stored: Stored) -> bool:
        """Remember what was archived; gives whether this content was not known to be stored alone."""
        with self._changed:
            before = self._stored.pop((day, mark), None)
            self._stored[day, mark] = stored
            if len(self._stored) > _MOST:
                del self._stored[next(iter(self._stored))]
        return before is None or before.path is None or before.checksum != stored.checksum
