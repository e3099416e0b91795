"""What is remembered of reports that were tried: when each is due, its uncertain tries, and which cannot be sent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from pywats_archive.conversion.sending.items import OutboxItem
from pywats_archive.host.server.answers import Trouble

DROPS_TO_CHECK = 2
_MOST_TIMEOUTS_FOR_ALL = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Unsendable:
    """Why a report, or every report of an archive, cannot be sent, other than because of the server."""

    place: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """The tries of a report whose outcome is unknown."""

    timeouts: int = 0
    drops: int = 0

    @property
    def check_first(self) -> bool:
        """Whether to ask the server for the report before sending it again."""
        return self.timeouts > 0 or self.drops >= DROPS_TO_CHECK


_NONE = Earlier()


class Tries:
    """Tries by the keys of items; times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._postponed: dict[str, float] = {}
        self._earlier: dict[str, Earlier] = {}
        self._unsendable: dict[str, Unsendable] = {}
        self._least_timeouts = 0
        """The time-outs of the slowest report that was sent; other reports are allowed as much time from the first try."""

    def unsendable(self, places: Collection[str]) -> tuple[Unsendable, ...]:
        """Return the reports in these places that cannot be sent."""
        return tuple(each for each in tuple(self._unsendable.values()) if each.place in places)

    @property
    def postponed_count(self) -> int:
        return len(self._postponed)

    def may_try(self, key: str, now_s: float) -> bool:
        """Whether a report is due."""
        return self._postponed.get(key, now_s) <= now_s

    def earlier(self, key: str) -> Earlier:
        """Return the tries of a report whose outcome is unknown."""
        return self._earlier.get(key, _NONE)

    def timeouts(self, key: str) -> int:
        """Return how many times the allowed time is doubled for a report."""
        return max(self.earlier(key).timeouts, self._least_timeouts)

    def is_slow(self, keys: Collection[str]) -> bool:
        """Whether one of these reports timed out before; only one such report is sent at a time."""
        return bool(self._earlier) and any(self.earlier(key).timeouts for key in keys)

    def postpone(self, key: str, until_s: float, trouble: Trouble | None = None) -> None:
        """Make a report due at ``until_s``, after a try that failed with ``trouble``."""
        self._postponed[key] = until_s
        before = self.earlier(key)
        if trouble is Trouble.TIMED_OUT:
            self._earlier[key] = replace(before, timeouts=before.timeouts + 1)
        elif trouble is Trouble.BROKEN_OFF:
            self._earlier[key] = replace(before, drops=before.drops + 1)

    def postpone_unsendable(self, item: OutboxItem, reason: str, until_s: float) -> bool:
        """Postpone a report that cannot be sent; return whether the reason is new."""
        is_new = self._unsendable.get(item.key) != Unsendable(place=item.place, reason=reason)
        self._unsendable[item.key] = Unsendable(place=item.place, reason=reason)
        self._postponed[item.key] = until_s
        return is_new

    def note_sendable(self, key: str) -> None:
        """Note that a report was sent, whatever the answer."""
        self._unsendable.pop(key, None)

    def complete(self, key: str) -> None:
        """Forget a report that the server accepted or refused, but not how slow it was."""
        self._least_timeouts = max(self._least_timeouts, min(self.earlier(key).timeouts, _MOST_TIMEOUTS_FOR_ALL))
        self.forget(key)

    def forget(self, key: str) -> None:
        """Forget a report."""
        for records in (self._postponed, self._earlier, self._unsendable):
            records.pop(key, None)

    def forget_gone(self, place: str, waiting: Collection[str]) -> None:
        """Forget unsendable reports of a place that no longer wait there; ``waiting`` are the keys of all that do."""
        for key, each in list(self._unsendable.items()):
            if each.place == place and key not in waiting:
                self.forget(key)

    def retry_now(self) -> None:
        """Make everything due now."""
        self._postponed.clear()
        self._unsendable.clear()
        self._least_timeouts = 0
