"""What memory has of reports that were tried: until when each waits, what came of it, and which cannot be sent at all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from pywats_archive.conversion.sending.items import OutboxItem
from pywats_archive.host.server.answers import Trouble

DROPS_TO_LOOK = 2
_MOST_PATIENCE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsendable:
    """Why a report, or all of an archive, cannot be sent: it is no fault of the server."""

    place: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """Tries of a report whose outcome is unknown."""

    timeouts: int = 0
    drops: int = 0

    @property
    def wants_a_look(self) -> bool:
        """Whether the server is asked for the report before it is sent again."""
        return self.timeouts > 0 or self.drops >= DROPS_TO_LOOK


_NONE = Earlier()


class Tries:
    """By the keys of parcels; times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._postponed: dict[str, float] = {}
        self._earlier: dict[str, Earlier] = {}
        self._unsendable: dict[str, Unsendable] = {}
        self._patience = 0
        """The time-outs of the slowest report that was taken in the end: others get as much from the first."""

    def unsendable(self, places: Collection[str]) -> tuple[Unsendable, ...]:
        """The reports in these places that cannot even be read."""
        return tuple(each for each in tuple(self._unsendable.values()) if each.place in places)

    @property
    def postponed_count(self) -> int:
        return len(self._postponed)

    def may_try(self, key: str, now_s: float) -> bool:
        """Whether a report need not wait any longer."""
        return self._postponed.get(key, now_s) <= now_s

    def earlier(self, key: str) -> Earlier:
        """The tries of a report whose outcome is unknown."""
        return self._earlier.get(key, _NONE)

    def timeouts(self, key: str) -> int:
        """How many times the allowed time is doubled for a report."""
        return max(self.earlier(key).timeouts, self._patience)

    def is_slow(self, keys: Collection[str]) -> bool:
        """Whether one of these reports had too little time before: no second one is sent beside it."""
        return bool(self._earlier) and any(self.earlier(key).timeouts for key in keys)

    def postpone(self, key: str, until_s: float, trouble: Trouble | None = None) -> None:
        """Leave a report alone for a while, after a try that came to ``trouble``."""
        self._postponed[key] = until_s
        before = self.earlier(key)
        if trouble is Trouble.TIMED_OUT:
            self._earlier[key] = replace(before, timeouts=before.timeouts + 1)
        elif trouble is Trouble.BROKEN_OFF:
            self._earlier[key] = replace(before, drops=before.drops + 1)

    def give_up(self, parcel: OutboxItem, reason: str, until_s: float) -> bool:
        """Leave a report alone that cannot be sent; gives whether that is news."""
        is_new = self._unsendable.get(parcel.key) != Unsendable(place=parcel.place, reason=reason)
        self._unsendable[parcel.key] = Unsendable(place=parcel.place, reason=reason)
        self._postponed[parcel.key] = until_s
        return is_new

    def came_to_the_server(self, key: str) -> None:
        """Note that a report can be sent, whatever was said of it."""
        self._unsendable.pop(key, None)

    def settled(self, key: str) -> None:
        """Forget a report that the server took or refused; how slow it was is remembered."""
        self._patience = max(self._patience, min(self.earlier(key).timeouts, _MOST_PATIENCE))
        self.forget(key)

    def forget(self, key: str) -> None:
        """Forget a report."""
        for known in (self._postponed, self._earlier, self._unsendable):
            known.pop(key, None)

    def forget_gone(self, place: str, waiting: Collection[str]) -> None:
        """Forget what could not be sent from a place and waits there no longer: ``waiting`` is all that does."""
        for key, each in list(self._unsendable.items()):
            if each.place == place and key not in waiting:
                self.forget(key)

    def try_at_once(self) -> None:
        """Let everything be tried again now."""
        self._postponed.clear()
        self._unsendable.clear()
        self._patience = 0
