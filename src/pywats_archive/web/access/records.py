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
"""Refusals of one kind and origin that are recorded one by one; then the tenth, the hundredth and so on are."""
_EACH_USE = 20
"""The same for sign-ins of one user and address."""
_ONCE = frozenset({"token.used"})
"""Kinds that almost every request causes: the first is recorded, then the tenth and so on."""
_MOST_ORIGINS = 100
"""Origins of refusals that are counted apart within an hour; all others count as one."""
_MOST_USES = 1000
"""Origins of uses that are counted apart within an hour; each needs a valid password or token."""
_MOST_EVENTS = 200
"""So many events of refusals an hour; the rest is in the sums at its end, one for each kind and origin."""
_OTHERS = "others"
_Key = tuple[str, str]


@dataclass(slots=True)
class _Counted:
    kind: str
    actor: str
    details: dict[str, Any]
    is_refusal: bool = True
    times: int = 0
    recorded: int = 0


@dataclass(slots=True)
class _Window:
    ends_at: datetime
    refused: dict[_Key, _Counted] = field(default_factory=dict)
    used: dict[_Key, _Counted] = field(default_factory=dict)
    events: int = 0

    @property
    def all(self) -> list[_Counted]:
        return [*self.refused.values(), *self.used.values()]


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
        self._write(kind, actor, _known(details))

    def used(self, kind: str, origin: str, *, actor: str, **details: Any) -> None:
        """Count a use of a valid password or token, and record it with the number of uses within the hour."""
        over = self._over()
        with self._lock:
            known = self._window.used
            one = _counted(known, (kind, f"{actor} {origin}"), most=_MOST_USES, actor=actor, details=details)
            one.is_refusal = False
            is_due = one.times <= (1 if kind in _ONCE else _EACH_USE) or _is_power_of_ten(one.times)
        self._write_due([*over, *([one] if is_due else [])])

    def refused(self, kind: str, origin: str, *, actor: str = "unknown", **details: Any) -> None:
        """Count a refusal, and record it with the number of refusals within the hour."""
        over = self._over()
        with self._lock:
            window = self._window
            one = _counted(window.refused, (kind, origin), most=_MOST_ORIGINS, actor=actor, details=details)
            is_due = one.times <= _EACH or _is_power_of_ten(one.times)
            is_due = is_due and window.events < _MOST_EVENTS
            window.events += is_due
        self._write_due([*over, *([one] if is_due else [])])

    def close(self) -> None:
        """Record the counts that were not recorded yet."""
        with self._lock:
            counted = self._window.all
        self._write_due(counted)

    def _over(self) -> list[_Counted]:
        """Begin a new hour if the last one is over; return what was counted then."""
        with self._lock:
            if (now := self._now()) < self._window.ends_at:
                return []
            before, self._window = self._window, _Window(ends_at=now + _WINDOW)
        return before.all

    def _write_due(self, counted: list[_Counted]) -> None:
        for each in counted:
            with self._lock:
                is_due, times = each.times > each.recorded, each.times
                each.recorded = times
            if is_due:
                self._write(
                    each.kind, each.actor, each.details | ({"times": times} if times > 1 or each.is_refusal else {})
                )

    def _write(self, kind: str, actor: str, details: dict[str, Any]) -> None:
        try:
            self._record(kind, actor, details)
        except ArchiveError as exc:
            warn("access.not_recorded", kind=kind, actor=actor, reason=str(exc))


def _counted(known: dict[_Key, _Counted], key: _Key, *, most: int, actor: str, details: dict[str, Any]) -> _Counted:
    """Count one more of a kind and origin, or of all others if there are too many."""
    kind, _ = key
    key = key if key in known or len(known) < most else (kind, _OTHERS)
    one = known.setdefault(key, _Counted(kind, actor if key[1] != _OTHERS else _OTHERS, {}))
    one.times += 1
    one.details = _known(details)
    return one


def _known(details: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value is not None}


def _is_power_of_ten(number: int) -> bool:
    return str(number).rstrip("0") == "1"
