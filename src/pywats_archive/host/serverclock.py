"""The server's clock, from the Date header of its answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import httpx

from pywats_archive.config import ServerConfig
from pywats_archive.models.time import as_utc

_TIMEOUT_S = 5.0


class ServerClock:
    """Keeps when the server answered last and what its clock said then; safe to use from many threads."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """``seconds`` runs on by itself, whatever the clock is set to, and while the machine sleeps."""
        self._seconds = seconds
        self._heard: tuple[datetime, float] | None = None
        self._mutex = threading.Lock()

    async def hear(self, response: Any) -> None:
        """Take note of an answer's date; a hook of httpx' client. One that a cache has kept says nothing of now."""
        self._note(response.headers)

    @property
    def now(self) -> datetime | None:
        """What the server's clock says now; None until it was heard."""
        heard = self._heard
        return heard[0] + timedelta(seconds=self._seconds() - heard[1]) if heard else None

    def ask(self, server: ServerConfig) -> bool:
        """Ask the server for its date, without credentials; False when it did not say. Waits for some seconds at most."""
        if not server.service_address:
            return False
        try:
            with httpx.stream("GET", server.service_address, timeout=_TIMEOUT_S) as response:
                return self._note(response.headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return False

    def forget(self) -> None:
        """Forget what was heard: another server is configured."""
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
