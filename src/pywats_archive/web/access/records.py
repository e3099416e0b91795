"""The events of access: who signed in, who was refused, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pywats_archive.errors import ArchiveError
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.portable.event_log import warn

_WINDOW = timedelta(hours=1)
_EACH = 5
"""So many refusals of one kind and origin are recorded one by one, then the tenth, the hundredth and so on."""
_MOST_ORIGINS = 100
"""Within an hour; all others count as one."""
_OTHERS = "others"


@dataclass(slots=True)
class _Refused:
    kind: str
    actor: str
    details: dict[str, Any]
    times: int = 0
    recorded: int = 0


@dataclass(slots=True)
class _Window:
    ends_at: datetime
    refused: dict[tuple[str, str], _Refused] = field(default_factory=dict)


class Records:
    """Writes events of access to the history; refusals are counted, so that no stranger can fill it."""

    def __init__(self, record: Callable[[str, str, dict[str, Any]], None], *, clock: Clock = utc_now) -> None:
        """``record`` gets the kind, the actor and the details of an event."""
        self._record = record
        self._now = clock
        self._lock = threading.Lock()
        self._window = _Window(ends_at=clock())

    def note(self, kind: str, actor: str, **details: Any) -> None:
        """Record what somebody did who is signed in; an archive that cannot be written to is a warning in the log."""
        self._write(kind, actor, {name: value for name, value in details.items() if value is not None})

    def refused(self, kind: str, origin: str, *, actor: str = "unknown", **details: Any) -> None:
        """Count a refusal, and record it with how often it was refused within the hour."""
        over = self._over()
        with self._lock:
            known = self._window.refused
            key = (kind, origin) if (kind, origin) in known or len(known) < _MOST_ORIGINS else (kind, _OTHERS)
            one = known.setdefault(key, _Refused(kind, actor, {}))
            one.times += 1
            one.details = {name: value for name, value in details.items() if value is not None}
            due = [one] if one.times <= _EACH or _is_power_of_ten(one.times) else []
        self._settle([*over, *due])

    def close(self) -> None:
        """Record the counts that were not recorded yet."""
        with self._lock:
            left = list(self._window.refused.values())
        self._settle(left)

    def _over(self) -> list[_Refused]:
        """Begin a new hour if the last one is over; return what was counted then."""
        with self._lock:
            if (now := self._now()) < self._window.ends_at:
                return []
            before, self._window = self._window, _Window(ends_at=now + _WINDOW)
        return list(before.refused.values())

    def _settle(self, refused: list[_Refused]) -> None:
        for each in refused:
            with self._lock:
                is_due, times = each.times > each.recorded, each.times
                each.recorded = times
            if is_due:
                self._write(each.kind, each.actor, each.details | {"times": times})

    def _write(self, kind: str, actor: str, details: dict[str, Any]) -> None:
        try:
            self._record(kind, actor, details)
        except ArchiveError as exc:
            warn("access.not_recorded", kind=kind, actor=actor, reason=str(exc))


def _is_power_of_ten(number: int) -> bool:
    return str(number).rstrip("0") == "1"
