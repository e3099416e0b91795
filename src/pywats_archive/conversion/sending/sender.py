"""The outbox's connection to the server, and the submissions in progress."""

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
    """Submits reports, several at once, in one event loop; ``on_answer`` is called with each answer."""

    def __init__(self, connect: Callable[[], Submitter], on_answer: Callable[[Answer], None]) -> None:
        self._connect = connect
        self._on_answer = on_answer
        self._submitter: Submitter | None = None
        self._in_progress: set[asyncio.Task[None]] = set()
        self._closing = False

    async def send(self, item: OutboxItem, *, timeouts: int, check_first: bool) -> Answer:
        """Send an item once; run each call as a task. CancelledError if ``cancel_all`` is called meanwhile."""
        document = item.document
        body = document if document is not None else await asyncio.to_thread(item.body)
        check_first = check_first and await asyncio.to_thread(item.is_alone_under_its_id)
        if self._closing:
            raise asyncio.CancelledError
        if self._submitter is None:
            self._submitter = self._connect()
        task = asyncio.current_task()
        assert task is not None
        self._in_progress.add(task)
        try:
            answer = await self._submitter.submit(body, item.report_id, timeouts=timeouts, check_first=check_first)
        finally:
            self._in_progress.discard(task)
        self._notify(answer)
        return answer

    def _notify(self, answer: Answer) -> None:
        try:
            self._on_answer(answer)
        except Exception:  # the answer still counts for the report
            log.exception("answer.not_told")

    def cancel_all(self) -> None:
        """Cancel every submission in progress, and start no other."""
        self._closing = True
        for each in tuple(self._in_progress):
            each.cancel()

    async def reconnect(self) -> None:
        """Close the connection; the next submission opens a new one."""
        old, self._submitter = self._submitter, None
        if old:
            with suppress(Exception):
                await asyncio.wait_for(old.close(), _CLOSE_WITHIN_S)
