"""How many notes of one account become events within an hour: a flood of notes must not fill the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pywats_archive.models.time import Clock

MOST_HOURLY = 50_000
"""More than a reader causes who exports a large archive; about 50 MB of history."""
_HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class Quota:
    """The notes of each account that were recorded since the hour began."""

    now: Clock
    _begun_at: datetime | None = None
    _recorded: Counter[str] = field(default_factory=Counter)

    def left(self, owner: str) -> int:
        """Return how many more notes of an account may be recorded in this hour."""
        now = self.now()
        if (
            self._begun_at is None or not self._begun_at <= now < self._begun_at + _HOUR
        ):  # also if the clock was set back
            self._begun_at, self._recorded = now, Counter()
        return MOST_HOURLY - self._recorded[owner]

    def add(self, owners: Iterable[str]) -> None:
        """Count notes, each by its owner, after their events are committed."""
        self._recorded.update(owners)
