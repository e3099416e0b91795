"""Connections that send nothing, or very slowly: they end after a while, and the oldest of many at once."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientConnection(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for incomplete requests, so that nobody can occupy all connections."""

    patience_s: ClassVar = 30.0
    """Within this time a request must have arrived; uvicorn itself waits for ever."""
    most_waiting: ClassVar = 200
    """A browser's request arrives at once: the oldest of so many waiting connections is not a browser's."""
    _waiting_since: float | None = None
    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._look()
        waiting = [each for each in self.connections if isinstance(each, PatientConnection) and each._waiting_since]
        if len(waiting) > self.most_waiting:
            min(waiting, key=lambda each: each._waiting_since or 0.0).give_up()

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._rest()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """End the connection at once."""
        self._rest()
        self.transport.abort()

    def _look(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY) or self.transport.is_closing():
            self._rest()
        elif self._end is None:
            self._waiting_since = monotonic()
            self._end = self.loop.call_later(self.patience_s, self.give_up)

    def _rest(self) -> None:
        if self._end:
            self._end.cancel()
        self._end = self._waiting_since = None
