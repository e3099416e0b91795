"""The outbox's connection: submissions on their way, which a stop leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from pywats_archive.conversion.parcels import Parcel
from pywats_archive.conversion.tries import Earlier
from pywats_archive.host.answers import Answer
from pywats_archive.host.submission import Submitter

_CLOSE_WITHIN_S = 2.0


class Sender:
    """Submits parcels, several at once; belongs to one event loop. ``on_answer`` is called with each answer."""

    def __init__(self, connect: Callable[[], Submitter], on_answer: Callable[[Answer], None]) -> None:
        self._connect = connect
        self._on_answer = on_answer
        self._submitter: Submitter | None = None
        self._posts: set[asyncio.Future[Answer]] = set()
        self._closing = False

    async def send(self, parcel: Parcel, earlier: Earlier) -> Answer:
        """Send a parcel once; CancelledError when the sender is closed meanwhile."""
        held = parcel.document
        body = held if held is not None else await asyncio.to_thread(parcel.body)
        looks = earlier.wants_a_look and await asyncio.to_thread(parcel.is_alone_under_its_id)
        if self._closing:
            raise asyncio.CancelledError
        if self._submitter is None:
            self._submitter = self._connect()
        submission = self._submitter.submit(body, parcel.report_id, timeouts=earlier.timeouts, look_first=looks)
        post = asyncio.ensure_future(submission)
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)
        answer = await post
        self._on_answer(answer)
        return answer

    def leave(self) -> None:
        """End every submission that is on its way, and begin none."""
        self._closing = True
        for post in tuple(self._posts):
            post.cancel()

    async def reconnect(self) -> None:
        """Have the next submission open a new connection."""
        old, self._submitter = self._submitter, None
        if old:
            with suppress(Exception):
                await asyncio.wait_for(old.close(), _CLOSE_WITHIN_S)
