"""The outbox: reports go to the server until it has them; an unreachable server only makes them wait (invariant 4)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from pywats_archive.archive.core import Archive
from pywats_archive.conversion.sending.items import (
    LONGEST_DELAY,
    MEMORY,
    ArchivedItem,
    OutboxItem,
    RetryDecision,
    after_try,
)
from pywats_archive.conversion.sending.sender import Sender
from pywats_archive.conversion.sending.server_state import ServerState, ServerTrouble
from pywats_archive.conversion.sending.tries import Tries, Unsendable
from pywats_archive.conversion.sending.waiting import Waiting, told
from pywats_archive.host.server.answers import Answer, SubmitOutcome
from pywats_archive.host.server.submission import Submitter
from pywats_archive.models.report import SubmissionState

log = structlog.get_logger()

LONGEST_IMPATIENT_DELAY = timedelta(seconds=2)
_IN_MEMORY = 64
_LOOK_EVERY_S = 0.3
_BEHIND_S = 0.5
"""After a pause another report goes first than the one whose answer began it: the trouble may be its own."""
_STOP_WITHIN_S = 2.0
"""An answer that is on its way when the service stops is waited for so long: then the report is sent again, by its id."""
_THE_OUTBOX = "the outbox"
_REMEMBERED = 1_000
"""Parcels that are settled already: one may be offered just after it was read from the archive and sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxState:
    """What the outbox is up to."""

    in_flight: int
    """Being sent now, or sent and not yet told of."""
    offered: int
    """In memory, and not being sent."""
    only_in_memory: int
    """Of those offered, the reports that no archive holds."""
    stopped_by: str | None
    """Why a person must act before anything is sent, or None."""
    unsendable: tuple[Unsendable, ...] = ()
    """Reports that cannot even be read."""
    unread: tuple[Unsendable, ...] = ()
    """Archives whose waiting reports cannot be asked for."""
    trouble: ServerTrouble | None = None
    """What is wrong with the server; None while the last answer was about a report."""
    has_answered: bool = False
    """Whether the server took or refused a report in this run."""


class Outbox:
    """Sends parcels over one server connection from a thread of its own.

    ``on_settled`` is called from that thread's workers once a parcel is accepted or refused. Parcels offered while
    too many wait are forgotten here and read from the archives later. ``impatient`` tries everything at once.
    ``on_answer`` is called with each answer, from the same thread; it must neither wait nor fail.
    """

    def __init__(
        self,
        connect: Callable[[], Submitter],
        archives: Callable[[], Sequence[Archive]],
        *,
        on_settled: Callable[[OutboxItem, SubmissionState, str | None], None],
        clock: Callable[[], datetime],
        impatient: bool = False,
        on_answer: Callable[[Answer], None] = lambda answer: None,
    ) -> None:
        self._sender = Sender(connect, on_answer)
        self._archives = archives
        self._waiting = Waiting(archives, whatever_backoff=impatient)
        self._on_settled = on_settled
        self._now = clock
        self._impatient = impatient
        self._offered: deque[OutboxItem] = deque()
        self._in_flight: dict[str, str] = {}
        """Report ids by parcel; of two reports of one id, the later waits until the server had its say on the first."""
        self._tries = Tries()
        self._server = ServerState(impatient=impatient)
        self._settled: deque[str] = deque(maxlen=_REMEMBERED)
        self._untold: deque[tuple[OutboxItem, SubmissionState, str | None]] = deque()
        self._look_again_s = 0.0
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def offer(self, parcel: OutboxItem) -> bool:
        """Hand over a parcel; False when there is no room, so that it must be read from the archive later."""
        if len(self._offered) >= _IN_MEMORY and parcel.is_stored:
            return False
        self._offered.append(parcel)
        self.wake()
        return True

    def wake(self) -> None:
        """Look for work now."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    def reconnect(self) -> None:
        """Forget the connection and every delay: the configuration changed, or a person acted."""
        self._loop.call_soon_threadsafe(self._begin_anew)

    @property
    def state(self) -> OutboxState:
        """Give what the outbox is up to."""
        return OutboxState(
            in_flight=len(self._in_flight) + len(self._untold),
            offered=len(self._offered),
            only_in_memory=sum(not parcel.is_stored for parcel in tuple(self._offered)),
            stopped_by=self._server.stopped_by,
            unsendable=self._tries.unsendable({MEMORY, *(str(archive.root) for archive in self._archives())}),
            unread=self._waiting.unread,
            trouble=self._server.trouble,
            has_answered=self._server.has_answered,
        )

    def close(self) -> None:
        """Stop, without waiting for the server longer than a moment; what waits is in the archive."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        self._closing = True
        self.wake()
        self._thread.join()

    @property
    def is_running(self) -> bool:
        """Whether it sends; False before the start and once it has ended, for whatever reason."""
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
            await self._pause()
        await self._leave(sending)

    async def _try_to_send(self, sending: set[asyncio.Task[None]]) -> None:
        """Send what is due; whatever goes wrong with that, the outbox goes on."""
        try:
            await self._send_what_is_due(sending)
        except Exception as exc:
            self._waiting.note_unread(_THE_OUTBOX, exc)
            await asyncio.sleep(_LOOK_EVERY_S)
        else:
            self._waiting.note_read(_THE_OUTBOX)

    async def _leave(self, sending: set[asyncio.Task[None]]) -> None:
        """End what is being sent: its outcome is unknown then, and it is sent again under its id."""
        if sending:
            await asyncio.wait(sending, timeout=_STOP_WITHIN_S)
        self._sender.leave()
        if sending:
            await asyncio.wait(sending)
        await self._sender.reconnect()

    async def _send_what_is_due(self, sending: set[asyncio.Task[None]]) -> None:
        room = self._server.room(time.monotonic()) - len(sending)
        for parcel in await self._next(room) if room > 0 else ():
            task = asyncio.create_task(self._send(parcel))
            sending.add(task)
            task.add_done_callback(sending.discard)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=_LOOK_EVERY_S)
        except asyncio.TimeoutError:
            return

    async def _next(self, room: int) -> Iterable[OutboxItem]:
        chosen: list[OutboxItem] = []
        for _ in range(len(self._offered)):
            if len(chosen) == room:
                break
            parcel = self._offered.popleft()
            if self._is_taken(parcel):
                chosen.append(parcel)
            elif not parcel.is_stored:
                self._offered.append(parcel)
        now_s = time.monotonic()
        if self._untold and now_s >= self._look_again_s:
            await asyncio.to_thread(self._tell_again)
        if not chosen and now_s >= self._look_again_s:
            chosen = await asyncio.to_thread(self._stored, room)
            self._look_again_s = now_s if chosen else now_s + _LOOK_EVERY_S
        return chosen

    def _stored(self, room: int) -> list[OutboxItem]:
        found: list[OutboxItem] = []
        limit = room + len(self._in_flight) + self._tries.postponed_count + 8
        for place, parcels in self._waiting.due(limit=limit):
            if len(parcels) < limit:
                self._tries.forget_gone(place, {parcel.key for parcel in parcels})
            found.extend(parcel for parcel in parcels if len(found) < room and self._is_taken(parcel))
        return found

    def _is_taken(self, parcel: OutboxItem) -> bool:
        """Take a parcel to send it, if it may be sent now."""
        is_due = self._is_due(parcel)
        if is_due:
            self._in_flight[parcel.key] = parcel.report_id
        return is_due

    def _is_due(self, parcel: OutboxItem) -> bool:
        is_new = parcel.report_id not in self._in_flight.values() and parcel.key not in self._settled
        is_beside_another_slow_one = self._tries.is_slow((parcel.key,)) and self._tries.is_slow(tuple(self._in_flight))
        return is_new and not is_beside_another_slow_one and self._tries.may_try(parcel.key, time.monotonic())

    async def _send(self, parcel: OutboxItem) -> None:
        try:
            answer = await self._sender.send(
                parcel, timeouts=self._tries.timeouts(parcel.key), looks=self._tries.earlier(parcel.key).wants_a_look
            )
            self._tries.came_to_the_server(parcel.key)
            step = self._note(parcel, answer)
            await asyncio.to_thread(self._settle, parcel, step, answer)
        except asyncio.CancelledError:
            log.warning("report.left", report_id=parcel.report_id, reason="the service stops; it is sent again")
        except Exception as exc:
            self._give_up(parcel, exc)
        finally:
            self._in_flight.pop(parcel.key, None)
            self._wake.set()

    def _give_up(self, parcel: OutboxItem, exc: Exception) -> None:
        """Leave a report alone for a while that cannot be read, or of which no try can be put on record."""
        reason = told(exc)
        if self._tries.give_up(parcel, reason, time.monotonic() + LONGEST_DELAY.total_seconds()):
            log.error("report.not_sent", report_id=parcel.report_id, reason=reason)
        if not parcel.is_stored:
            self._offered.append(parcel)

    def _note(self, parcel: OutboxItem, answer: Answer) -> RetryDecision:
        """Decide when a report is tried again, and when anything is; gives what is put on record."""
        now_s, step = time.monotonic(), after_try(answer.verdict, tries=parcel.tries + 1)
        was_stopped_by = self._server.stopped_by
        closed_until_s = self._server.note(answer, parcel.key, now_s)
        if step.delay is None:
            self._tries.settled(parcel.key)
            if answer.verdict is SubmitOutcome.REFUSED:
                log.warning("report.refused", report_id=parcel.report_id, reason=answer.reason)
            elif answer.reason:
                log.info("report.found", report_id=parcel.report_id, reason=answer.reason)
            return step
        delay = min(step.delay, LONGEST_IMPATIENT_DELAY) if self._impatient else step.delay
        until_s = max(now_s + delay.total_seconds(), closed_until_s + _BEHIND_S)
        self._tries.postpone(parcel.key, until_s, answer.trouble)
        log.warning("report.retry_scheduled", report_id=parcel.report_id, tries=parcel.tries + 1, reason=answer.reason)
        if self._server.stopped_by and self._server.stopped_by != was_stopped_by:
            log.error("outbox.stopped", reason=self._server.stopped_by)
        elif closed_until_s and not self._server.stopped_by:
            log.warning("outbox.pauses", seconds=round(closed_until_s - now_s, 1), reason=answer.reason)
        return replace(step, delay=min(max(step.delay, timedelta(seconds=until_s - now_s)), LONGEST_DELAY))

    def _settle(self, parcel: OutboxItem, step: RetryDecision, answer: Answer) -> None:
        parcel.settle(step, answer, self._now())
        if step.delay is not None and not parcel.is_stored:
            self._offered.append(parcel)
        if step.delay is None:
            self._settled.append(parcel.key)
            if trouble := self._tell(parcel, step.state, answer.reason):
                log.error("report.notify_failed", report_id=parcel.report_id, reason=str(trouble))
                self._untold.append((parcel, step.state, answer.reason))

    def _tell(self, parcel: OutboxItem, state: SubmissionState, reason: str | None) -> Exception | None:
        """Tell that a parcel is settled; gives why that failed, if it did."""
        try:
            self._on_settled(parcel, state, reason)
        except Exception as exc:
            return exc
        return None

    def _tell_again(self) -> None:
        """Tell what could not be told, for its source waits for nothing else; an archive that is opened anew asks itself."""
        for _ in range(len(self._untold)):
            parcel, state, reason = self._untold[0]
            is_open = not isinstance(parcel, ArchivedItem) or parcel.archive in self._archives()
            if is_open and self._tell(parcel, state, reason):
                self._untold.append((parcel, state, reason))
            self._untold.popleft()

    def _begin_anew(self) -> None:
        self._server.reopen()
        self._tries.try_at_once()
        self._waiting.ask_at_once()
        self._reconnecting = self._loop.create_task(self._sender.reconnect())
        self._wake.set()
