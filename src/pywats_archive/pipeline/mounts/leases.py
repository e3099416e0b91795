"""Counting the users of an archive, so that it is closed only when there are none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Leases:
    """A count of users; safe to use from many threads. Each lease counts in the ``parent`` as well."""

    def __init__(self, parent: Leases | None = None) -> None:
        self._parent = parent
        self._count = 0
        self._mutex = threading.Lock()

    def begin(self) -> None:
        """Begin a lease; waits while ``if_idle`` is entered."""
        with self._mutex:
            self._count += 1
            if self._parent:
                self._parent.begin()

    def end(self) -> None:
        """End a lease."""
        with self._mutex:
            self._count -= 1
            if self._parent:
                self._parent.end()

    @property
    def is_idle(self) -> bool:
        """Whether there is no lease."""
        with self._mutex:
            return not self._count

    @contextmanager
    def if_idle(self) -> Iterator[bool]:
        """Yield whether there is no lease; none begins inside."""
        with self._mutex:
            yield not self._count
