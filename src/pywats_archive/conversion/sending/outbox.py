"""The outbox: reports go to the server until it has them; an unreachable server only makes them wait (invariant 4)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.conversion.sending.items import LONGEST_DELAY, MEMORY, OutboxItem, RetryDecision, after_try
from pywats_archive.conversion.sending.notices import Notices, OnCompleted
from pywats_archive.conversion.sending.send_queue import SendQueue
from pywats_archive.conversion.sending.sender import Sender
from pywats_archive.conversion.sending.server_state import ServerState, ServerTrouble
from pywats_archive.conversion.sending.tries import Tries, Unsendable
from pywats_archive.conversion.sending.waiting import Waiting, describe_error
from pywats_archive.conversion.source_log import log_of
from pywats_archive.host.server.answers import Answer, SubmitOutcome
from pywats_archive.host.server.submission import Submitter

log = structlog.get_logger()

LONGEST_SHORT_DELAY = timedelta(seconds=2)
_POLL_S = 0.3
_BEHIND_S = 0.5
"""After a pause, other reports go before the one whose answer started the pause: it may have caused the trouble."""
_STOP_WITHIN_S = 2.0
"""How long a stop waits for answers; a report without one is sent again, under the same id."""
_LEFT = "the service stops; it is sent again"
_THE_OUTBOX = "the outbox"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxState:
    """What the outbox is doing."""

    in_flight: int
    """Being sent, or sent and not yet passed on to the service."""
    queued: int
    """In memory, and not being sent."""
    only_in_memory: int
    """Queued reports that no archive holds."""
    stopped_by: str | None
    """Why nothing is sent until a person acts, or None."""
    unsendable: tuple[Unsendable, ...] = ()
    """Reports that cannot be read, or whose tries cannot be recorded."""
    unreadable_archives: tuple[Unsendable, ...] = ()
    """Archives whose waiting reports cannot be listed."""
    trouble: ServerTrouble | None = None
    """What is wrong with the server; None if its last answer was about a report."""
    has_answered: bool = False
    """Whether the server accepted or refused a report in this run."""


class Outbox:
    """Sends reports over one server connection, from a thread of its own.

    - ``on_completed`` is called from a worker thread for each item that is accepted or refused.
    - ``retry_now`` keeps delays and pauses short, and ignores how long reports have to wait.
    - ``on_answer`` is called with each answer, from the outbox's thread; it must neither wait nor fail.
    - ``on_accepted`` is called likewise with an accepted item; if it is True, it records that, or calls ``send_again``.
    """

    def __init__(
        self,
        connect: Callable[[], Submitter],
        archives: Callable[[], Sequence[Archive]],
        *,
        on_completed: OnCompleted,
        clock: Callable[[], datetime],
        retry_now: bool = False,
        on_answer: Callable[[Answer], None] = lambda answer: None,
    ) -> None:
        self._sender = Sender(connect, on_answer)
        self.on_accepted: Callable[[OutboxItem], bool] = lambda item: False
        self._archives = archives
        self._waiting = Waiting(archives, ignores_backoff=retry_now)
        self._notices = Notices(on_completed, archives)
        self._now = clock
        self._retry_now = retry_now
        self._tries = Tries()
        self._queue = SendQueue(self._tries)
        self._server = ServerState(short_pauses=retry_now)
        self._next_read_s = 0.0
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def offer(self, item: OutboxItem) -> bool:
        """Hand over an item; False if too many wait, so that it must be read from its archive later."""
        if is_queued := self._queue.offer(item):
            self.wake()
        return is_queued

    def send_again(self, item: OutboxItem) -> None:
        """Send an accepted item once more, because its acceptance could not be recorded; an archive holds it."""
        self._queue.reopen(item)
        self.wake()

    def wake(self) -> None:
        """Look for work now."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def reconnect(self) -> None:
        """Forget the connection and every delay, because the configuration changed or a person acted."""
        self._loop.call_soon_threadsafe(self._restart)

    @property
    def state(self) -> OutboxState:
        """What the outbox is doing."""
        return OutboxState(
            in_flight=self._queue.in_flight_count + len(self._notices),
            queued=len(self._queue),
            only_in_memory=self._queue.only_in_memory_count,
            stopped_by=self._server.stopped_by,
            unsendable=self._tries.unsendable({MEMORY, *(str(archive.root) for archive in self._archives())}),
            unreadable_archives=self._waiting.unreadable_archives,
            trouble=self._server.trouble,
            has_answered=self._server.has_answered,
        )

    @property
    def is_blocked(self) -> bool:
        """Whether the last answer was trouble with the server, so that reports wait."""
        return self._server.trouble is not None

    def close(self) -> None:
        """Stop, waiting only briefly for the server; reports without an answer stay in their archives."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        self._closing = True
        self.wake()
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Whether the outbox sends; False before the start and after its end, for whatever reason."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        except BaseException:
            log.exception("outbox.ended")
        finally:
            self._loop.close()

    async def _run(self) -> None:
        sending: set[asyncio.Task[None]] = set()
        while not self._closing:
            self._wake.clear()
            await self._try_to_send(sending)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=_POLL_S)
        await self._stop_sending(sending)

    async def _try_to_send(self, sending: set[asyncio.Task[None]]) -> None:
        """Send what is due; an error does not end the outbox."""
        try:
            await self._send_due(sending)
        except Exception as exc:
            self._waiting.note_unreadable(_THE_OUTBOX, exc)
            await asyncio.sleep(_POLL_S)
        else:
            self._waiting.note_readable(_THE_OUTBOX)

    async def _stop_sending(self, sending: set[asyncio.Task[None]]) -> None:
        """Abandon what is being sent: its outcome is unknown, and it is sent again under its id."""
        if sending:
            await asyncio.wait(sending, timeout=_STOP_WITHIN_S)
        self._sender.cancel_all()
        if sending:
            await asyncio.wait(sending)
        await self._sender.reconnect()

    async def _send_due(self, sending: set[asyncio.Task[None]]) -> None:
        for item in await self._next(self._server.free_slots(time.monotonic()) - len(sending)):
            task = asyncio.create_task(self._send(item))
            sending.add(task)
            task.add_done_callback(sending.discard)

    async def _next(self, slots: int) -> list[OutboxItem]:
        if slots <= 0:
            return []
        now_s = time.monotonic()
        items = self._queue.start_queued(now_s, slots=slots)
        if len(self._notices) and now_s >= self._next_read_s:
            await asyncio.to_thread(self._notices.repeat)
        if not items and now_s >= self._next_read_s:
            items = await asyncio.to_thread(_start_archived, self._waiting, self._queue, self._tries, slots)
            self._next_read_s = now_s if items else now_s + _POLL_S
        return items

    async def _send(self, item: OutboxItem) -> None:
        try:
            answer = await self._sender.send(
                item, timeouts=self._tries.timeouts(item.key), check_first=self._tries.earlier(item.key).check_first
            )
            self._tries.note_sendable(item.key)
            decision = self._decide(item, answer)
            is_plain = answer.verdict is SubmitOutcome.ACCEPTED and not answer.reason
            if not (is_plain and self._queue.hand_over(item, self.on_accepted)):
                await asyncio.to_thread(self._record, item, decision, answer)
        except asyncio.CancelledError:
            log_of(item.origin()).warning("report.left", report_id=item.report_id, reason=_LEFT)
        except Exception as exc:
            self._postpone_unsendable(item, exc)
        finally:
            self._queue.end(item)
            self._wake.set()

    def _postpone_unsendable(self, item: OutboxItem, exc: Exception) -> None:
        """Postpone a report that cannot be read, or whose try cannot be recorded."""
        reason = describe_error(exc)
        if self._tries.postpone_unsendable(item, reason, time.monotonic() + LONGEST_DELAY.total_seconds()):
            log_of(item.origin()).error("report.not_sent", report_id=item.report_id, reason=reason)
        self._queue.put_back(item)

    def _decide(self, item: OutboxItem, answer: Answer) -> RetryDecision:
        """Decide when the report is tried again, and when anything is sent again."""
        now_s, decision = time.monotonic(), after_try(answer.verdict, tries=item.tries + 1)
        trouble_before = self._server.trouble
        closed_until_s = self._server.on_answer(answer, item.key, now_s)
        if decision.delay is None:
            self._tries.complete(item.key)
            return decision
        delay = min(decision.delay, LONGEST_SHORT_DELAY) if self._retry_now else decision.delay
        until_s = max(now_s + delay.total_seconds(), closed_until_s + _BEHIND_S)
        self._tries.postpone(item.key, until_s, answer.trouble)
        _log_trouble(trouble_before, self._server.trouble, closed_until_s - now_s if closed_until_s else None)
        return replace(decision, delay=min(max(decision.delay, timedelta(seconds=until_s - now_s)), LONGEST_DELAY))

    def _record(self, item: OutboxItem, decision: RetryDecision, answer: Answer) -> None:
        _log_answer(item, decision, answer)
        item.record_try(decision, answer, self._now())
        if decision.delay is None:
            self._queue.complete(item)
            self._notices.notify(item, decision.state, answer.reason)
        else:
            self._queue.put_back(item)

    def _restart(self) -> None:
        self._server.reopen()
        self._tries.retry_now()
        self._waiting.retry_now()
        self._reconnecting = self._loop.create_task(self._sender.reconnect())
        self._wake.set()


def _start_archived(waiting: Waiting, queue: SendQueue, tries: Tries, slots: int) -> list[OutboxItem]:
    """Start up to ``slots`` reports that are due, read from their archives."""
    started: list[OutboxItem] = []
    limit = slots + queue.in_flight_count + tries.postponed_count + queue.unrecorded_count + 8
    queue.unrecorded_count = 0
    for place, items in waiting.due(limit=limit):
        if len(items) < limit:
            tries.forget_gone(place, {item.key for item in items})
        queue.note_page(items)
        started += queue.start(items, time.monotonic(), slots=slots - len(started))
    return started


def _log_trouble(before: ServerTrouble | None, now: ServerTrouble | None, pause_s: float | None) -> None:
    """Log that all sending stops, once for each reason, or pauses for ``pause_s``."""
    if now and now.is_stopped:
        if before is None or not before.is_stopped or before.reason != now.reason:
            log.error("outbox.stopped", reason=now.reason)
    elif now and pause_s is not None:
        log.warning("outbox.pauses", seconds=round(pause_s, 1), reason=now.reason, repeated=before is not None)


def _log_answer(item: OutboxItem, decision: RetryDecision, answer: Answer) -> None:
    """Log an answer, except that a report was accepted at its first try; called in a worker thread, for it may read."""
    number, reason = item.report_id, answer.reason
    if decision.delay is not None:
        log_of(item.origin()).warning("report.retry_scheduled", report_id=number, tries=item.tries + 1, reason=reason)
    elif answer.verdict is SubmitOutcome.REFUSED:
        log_of(item.origin()).warning("report.refused", report_id=number, reason=reason)
    elif reason:
        log_of(item.origin()).info("report.found", report_id=number, reason=reason)
