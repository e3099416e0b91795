"""When a source is complete: its size and time have not changed for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pywats_archive.models.file_stamp import FileStamp


@dataclass(frozen=True, kw_only=True, slots=True)
class _Watched:
    stamp: FileStamp
    quiet_since_s: float


@dataclass(kw_only=True, slots=True)
class Debounce:
    """Follows the sources of one folder from listing to listing; times are seconds of a monotonic clock.

    A source is complete when two listings at least ``settle_s`` apart show the same stamp. Its modification time is not
    compared with our clock, since shares have their own; and a close means nothing, since many stations open and close a
    file for every line.
    """

    settle_s: float
    empty_s: float = 0.0
    """How long an empty source must stay unchanged: most are about to be written."""
    _watched: dict[str, _Watched] = field(default_factory=dict)

    def observe(self, listing: Mapping[str, FileStamp], now_s: float, *, impatient: bool = False) -> tuple[str, ...]:
        """Compare a new listing with the previous one; returns the paths that are complete now, in the listing's order.

        ``impatient``: wait no longer for an empty source than for others.
        """
        empty_s = self.settle_s if impatient else max(self.settle_s, self.empty_s)
        watched = {}
        for path, stamp in listing.items():
            before = self._watched.get(path)
            is_same = before is not None and before.stamp == stamp
            watched[path] = before if before and is_same else _Watched(stamp=stamp, quiet_since_s=now_s)
        self._watched = watched
        return tuple(
            p
            for p, now in listing.items()
            if now_s - watched[p].quiet_since_s >= (self.settle_s if now.size_bytes else empty_s)
        )
