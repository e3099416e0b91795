"""The door: checks names and passwords, and locks out for a while after wrong ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pywats_archive.models.time import Clock
from pywats_archive.web.access import lockout
from pywats_archive.web.access.lockout import FREE_OF_ADDRESS, FREE_OF_USER, Tries
from pywats_archive.web.access.records import Records
from pywats_archive.web.access.users import User, Users

_MOST_KEPT = 10_000
_Key = tuple[str, str]


def steady() -> datetime:
    """Return a time that nobody sets: with a clock that is set back, a wait would become long."""
    return datetime.fromtimestamp(0, timezone.utc) + timedelta(seconds=time.monotonic())


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A refused sign-in. With ``wait``, no password was checked, and none is checked until that time has passed."""

    wait: timedelta = timedelta()


class Door:
    """Lets users in by name and password; safe to use from many threads."""

    def __init__(self, users: Users, records: Records, *, clock: Clock = steady) -> None:
        self._users = users
        self._records = records
        self._now = clock
        self._lock = threading.Lock()
        self._tries: dict[_Key, Tries] = {}

    def enter(self, name: str, password: str, *, address: str) -> User | Refused:
        """Return the user whose name and password these are; TooManyAtOnce while too many are checked."""
        known = self._users.find(name)
        keys = {
            ("address", lockout.neighbourhood(address)): FREE_OF_ADDRESS,
            ("user", known.name if known else f"?{name[:100].casefold()}"): FREE_OF_USER,
        }
        who = known.name if known else None  # another name may be a password that was typed into the wrong field
        locked = self._begin(keys)
        if locked:
            self._records.refused("user.locked_out", address, user=who, address=address, wait_s=_seconds(locked))
            return Refused(wait=locked)
        try:
            user = self._users.with_password(name, password)
        except BaseException:
            self._take_back(keys)
            raise
        if user is None:
            self._records.refused("user.refused", address, user=who, address=address, by="password")
            return Refused()
        self._take_back(keys, is_user=True)
        return user

    def _begin(self, keys: dict[_Key, int]) -> timedelta:
        """Count a try as a failure until it is known to be none, so that many at once are no way around the limit."""
        now = self._now()
        with self._lock:
            locked = max(lockout.wait(self._tries.get(key), now, free=free) for key, free in keys.items())
            if not locked:
                self._tries |= {key: lockout.after_failure(self._tries.get(key), now) for key in keys}
                self._forget()
        return locked

    def _take_back(self, keys: Iterable[_Key], *, is_user: bool = False) -> None:
        """Uncount a try; the right password forgets what was counted for its user, not for the address."""
        with self._lock:
            for key in keys:
                left = None if is_user and key[0] == "user" else lockout.taken_back(self._tries.get(key))
                if left is None:
                    self._tries.pop(key, None)
                else:
                    self._tries[key] = left

    def _forget(self) -> None:
        """Keep the memory small: drop tries that count no longer, then the oldest."""
        if len(self._tries) > _MOST_KEPT:
            now = self._now()
            newest = sorted(self._tries.items(), key=lambda each: each[1].last_at)[-_MOST_KEPT // 2 :]
            self._tries = {key: each for key, each in newest if not lockout.is_forgotten(each, now)}


def _seconds(length: timedelta) -> int:
    return max(1, round(length.total_seconds()))
