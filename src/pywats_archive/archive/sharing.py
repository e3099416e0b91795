"""Which companions were archived today already, so that the same file beside many sources is stored once for all of them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

_MOST = 100_000
"""Files that are remembered; with more, a day's first ones are forgotten and stored once more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What tells a companion from another one without reading it."""

    name: str
    """Relative to the source's folder."""
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A companion that was archived: its content, and the blob that holds it alone, if there is such a one."""

    checksum: str
    path: str | None = None


class Shared:
    """The companions of one day, as this process archived them; safe to use from many threads."""

    def __init__(self) -> None:
        self._day = ""
        self._stored: dict[Mark, Stored] = {}
        self._mutex = threading.Lock()

    def look(self, day: str, mark: Mark) -> Stored | None:
        """Return what was archived on ``day`` of a companion with this mark."""
        with self._mutex:
            return self._stored.get(mark) if day == self._day else None

    def note(self, day: str, mark: Mark, stored: Stored) -> None:
        """Remember what was archived; another day begins with nothing."""
        with self._mutex:
            if day != self._day or len(self._stored) >= _MOST:
                self._day, self._stored = day, {}
            self._stored[mark] = stored
