"""The server's clock, from the Date header of its answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import httpx

from pywats_archive.config.server import ServerConfig
from pywats_archive.models.time import as_utc

_TIMEOUT_S = 5.0


class ServerClock:
    """The time of the server's last answer, and its clock then; safe to use from many threads."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """``seconds`` is a monotonic clock that also counts while the machine sleeps."""
        self._seconds = seconds
        self._heard: tuple[datetime, float] | None = None
        self._mutex = threading.Lock()

    async def hear(self, response: Any) -> None:
        """Note an answer's date; a hook for httpx. A cached answer is ignored."""
        self._note(response.headers)

    @property
    def now(self) -> datetime | None:
        """Return the time on the server's clock; None before the first answer."""
        heard = self._heard
        return heard[0] + timedelta(seconds=self._seconds() - heard[1]) if heard else None

    def ask(self, server: ServerConfig) -> bool:
        """Ask the server for its date, without credentials; False if it sent none. Waits a few seconds at most."""
        if not server.service_address:
            return False
        try:
            with httpx.stream("GET", server.service_address, timeout=_TIMEOUT_S) as response:
                return self._note(response.headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return False

    def forget(self) -> None:
        """Forget the date, because another server is configured."""
        self._heard = None

    def _note(self, headers: Any) -> bool:
        moment = _date(headers.get("date", "")) if "age" not in headers else None
        if moment is None:
            return False
        with self._mutex:
            self._heard = (moment, self._seconds())
        return True


@lru_cache(maxsize=8)  # many answers come within a second
def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return as_utc(moment) if moment.tzinfo else None
