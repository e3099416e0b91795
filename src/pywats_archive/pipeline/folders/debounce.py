"""When a source is whole: its size and time have not changed for a while."""

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

    A source counts as whole when its stamp has stayed the same for ``settle_s``, as we saw it: neither the source's
    own time nor a close is trusted, for shares have clocks of their own and many stations open, append and close
    for every line.
    """

    settle_s: float
    empty_s: float = 0.0
    """How long a source without bytes must stay so: most are about to be written."""
    _watched: dict[str, _Watched] = field(default_factory=dict)

    def observe(self, listing: Mapping[str, FileStamp], now_s: float, *, impatient: bool = False) -> tuple[str, ...]:
        """Take a new listing; gives the paths that are whole now, in the listing's order.

        ``impatient`` waits no longer for a source without bytes than for others.
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
