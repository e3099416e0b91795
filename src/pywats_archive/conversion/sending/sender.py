"""The outbox's connection: submissions on their way, which a stop leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from pywats_archive.conversion.sending.items import OutboxItem
from pywats_archive.host.server.answers import Answer
from pywats_archive.host.server.submission import Submitter

log = structlog.get_logger()

_CLOSE_WITHIN_S = 2.0


class Sender:
    """Submits parcels, several at once; belongs to one event loop. ``on_answer`` is called with each answer."""

    def __init__(self, connect: Callable[[], Submitter], on_answer: Callable[[Answer], None]) -> None:
        self._connect = connect
        self._on_answer = on_answer
        self._submitter: Submitter | None = None
        self._on_the_way: set[asyncio.Task[None]] = set()
        self._closing = False

    async def send(self, parcel: OutboxItem, *, timeouts: int, looks: bool) -> Answer:
        """Send a parcel once, from a task of its own; CancelledError when the sender is closed meanwhile."""
        held = parcel.document
        body = held if held is not None else await asyncio.to_thread(parcel.body)
        looks = looks and await asyncio.to_thread(parcel.is_alone_under_its_id)
        if self._closing:
            raise asyncio.CancelledError
        if self._submitter is None:
            self._submitter = self._connect()
        mine = asyncio.current_task()
        assert mine is not None
        self._on_the_way.add(mine)
        try:
            answer = await self._submitter.submit(body, parcel.report_id, timeouts=timeouts, look_first=looks)
        finally:
            self._on_the_way.discard(mine)
        self._tell(answer)
        return answer

    def _tell(self, answer: Answer) -> None:
        try:
            self._on_answer(answer)
        except Exception:  # it is about the server's clock: the report is settled all the same
            log.exception("answer.not_told")

    def leave(self) -> None:
        """End every submission that is on its way, and begin none."""
        self._closing = True
        for task in tuple(self._on_the_way):
            task.cancel()

    async def reconnect(self) -> None:
        """Have the next submission open a new connection."""
        old, self._submitter = self._submitter, None
        if old:
            with suppress(Exception):
                await asyncio.wait_for(old.close(), _CLOSE_WITHIN_S)
