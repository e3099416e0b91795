"""The outbox: reports go to the server until it has them; an unreachable server only makes them wait (invariant 4)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from pywats_archive.archive import record
from pywats_archive.archive.core import Archive
from pywats_archive.conversion.parcels import LONGEST_DELAY, ArchivedParcel, Parcel, Step, after_try
from pywats_archive.errors import ArchiveError
from pywats_archive.host.submission import Answer, Submitter, Verdict
from pywats_archive.models.report import SubmissionState

log = structlog.get_logger()

LONGEST_IMPATIENT_DELAY = timedelta(seconds=2)
_IN_MEMORY = 64
_AT_ONCE = 4
_LOOK_EVERY_S = 0.3
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
    unsendable: tuple[str, ...] = ()
    """Why reports cannot even be read, one line each."""


class Outbox:
    """Sends parcels over one server connection from a thread of its own.

    ``on_settled`` is called from that thread's workers once a parcel is accepted or refused. Parcels offered while
    too many wait are forgotten here and read from the archives later. ``impatient`` tries everything at once.
    """

    def __init__(
        self,
        connect: Callable[[], Submitter],
        archives: Callable[[], Sequence[Archive]],
        *,
        on_settled: Callable[[Parcel, SubmissionState, str | None], None],
        clock: Callable[[], datetime],
        impatient: bool = False,
    ) -> None:
        self._connect = connect
        self._archives = archives
        self._on_settled = on_settled
        self._now = clock
        self._impatient = impatient
        self._offered: deque[Parcel] = deque()
        self._in_flight: dict[str, str] = {}
        """Report ids by parcel; of two reports of one id, the later waits until the server had its say on the first."""
        self._postponed: dict[str, float] = {}
        self._unsendable: dict[str, str] = {}
        self._unread: dict[Path, str] = {}
        self._settled: deque[str] = deque(maxlen=_REMEMBERED)
        self._untold: deque[tuple[Parcel, SubmissionState, str | None]] = deque()
        self._look_again_s = 0.0
        self._failures = 0
        self._stopped_by: str | None = None
        self._stopped_until_s = 0.0
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def offer(self, parcel: Parcel) -> bool:
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
        self._failures, self._stopped_by = 0, None
        self._postponed.clear()
        self._unsendable.clear()
        self._loop.call_soon_threadsafe(self._drop_connection)

    @property
    def state(self) -> OutboxState:
        """Give what the outbox is up to."""
        return OutboxState(
            in_flight=len(self._in_flight) + len(self._untold),
            offered=len(self._offered),
            only_in_memory=sum(not parcel.is_stored for parcel in tuple(self._offered)),
            stopped_by=self._stopped_by,
            unsendable=tuple(self._unsendable.values()),
        )

    def close(self) -> None:
        """Let what is being sent finish, then stop; what waits is in the archive."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        self._closing = True
        self.wake()
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._run())
        finally:
            self._loop.close()

    async def _run(self) -> None:
        self._submitter: Submitter | None = None
        sending: set[asyncio.Task[None]] = set()
        try:
            while not self._closing:
                self._wake.clear()
                await self._send_what_is_due(sending)
                await self._pause()
            if sending:
                await asyncio.wait(sending)
        finally:
            if self._submitter:
                await self._submitter.close()

    async def _send_what_is_due(self, sending: set[asyncio.Task[None]]) -> None:
        if self._stopped_by and time.monotonic() < self._stopped_until_s:
            return
        room = (1 if self._failures else _AT_ONCE) - len(sending)
        for parcel in await self._next(room) if room > 0 else ():
            task = asyncio.create_task(self._send(parcel))
            sending.add(task)
            task.add_done_callback(sending.discard)

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), timeout=_LOOK_EVERY_S)
        except asyncio.TimeoutError:
            return

    async def _next(self, room: int) -> Iterable[Parcel]:
        chosen: list[Parcel] = []
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

    def _stored(self, room: int) -> list[Parcel]:
        found: list[Parcel] = []
        limit = room + len(self._in_flight) + len(self._postponed) + 8
        for archive in self._archives():
            try:
                due = record.due_reports(
                    archive, limit=limit, longest_delay=LONGEST_DELAY, whatever_backoff=self._impatient
                )
            except ArchiveError as exc:  # the reports of the other archives go on
                if self._unread.get(archive.root) != str(exc):  # it is tried three times a second
                    log.error("outbox.not_read", reason=str(exc))
                self._unread[archive.root] = str(exc)
                continue
            self._unread.pop(archive.root, None)
            for report in due:
                parcel = ArchivedParcel(archive=archive, report=report)
                if len(found) < room and self._is_taken(parcel):
                    found.append(parcel)
        return found

    def _is_taken(self, parcel: Parcel) -> bool:
        """Take a parcel to send it, if it may be sent now."""
        is_due = self._is_due(parcel)
        if is_due:
            self._in_flight[parcel.key] = parcel.report_id
        return is_due

    def _is_due(self, parcel: Parcel) -> bool:
        until = self._postponed.get(parcel.key)
        is_new = parcel.report_id not in self._in_flight.values() and parcel.key not in self._settled
        return is_new and (until is None or until <= time.monotonic())

    async def _send(self, parcel: Parcel) -> None:
        try:
            answer = await self._try(parcel)
            step = after_try(answer.verdict, tries=parcel.tries + 1)
            self._note(parcel, answer, step)
            await asyncio.to_thread(self._settle, parcel, step, answer)
        except ArchiveError as exc:
            log.error("report.not_sent", report_id=parcel.report_id, reason=str(exc))
            self._postponed[parcel.key] = time.monotonic() + LONGEST_DELAY.total_seconds()
            self._unsendable[parcel.key] = str(exc)
        else:
            self._unsendable.pop(parcel.key, None)
        finally:
            self._in_flight.pop(parcel.key, None)
            self._wake.set()

    async def _try(self, parcel: Parcel) -> Answer:
        held = parcel.document
        body = held if held is not None else await asyncio.to_thread(parcel.body)
        if self._submitter is None:
            self._submitter = self._connect()
        return await self._submitter.submit(body, parcel.report_id)

    def _note(self, parcel: Parcel, answer: Answer, step: Step) -> None:
        if step.delay is None:
            self._failures, self._stopped_by = 0, None
            self._postponed.pop(parcel.key, None)
            return
        self._failures += 1
        delay = min(step.delay, LONGEST_IMPATIENT_DELAY) if self._impatient else step.delay
        if answer.verdict is Verdict.STOP:
            self._stop(answer.reason, delay)
            return
        self._stopped_by = None
        self._postponed[parcel.key] = time.monotonic() + delay.total_seconds()
        log.warning("report.waits", report_id=parcel.report_id, tries=parcel.tries + 1, reason=answer.reason)

    def _stop(self, reason: str, delay: timedelta) -> None:
        """Send nothing for a while: every report would get the same answer until a person acts."""
        if self._stopped_by != reason:
            log.error("outbox.stopped", reason=reason)
        self._stopped_by, self._stopped_until_s = reason, time.monotonic() + delay.total_seconds()

    def _settle(self, parcel: Parcel, step: Step, answer: Answer) -> None:
        parcel.settle(step, answer, self._now())
        if step.delay is not None and not parcel.is_stored:
            self._offered.append(parcel)
        if step.delay is None:
            self._settled.append(parcel.key)
            if trouble := self._tell(parcel, step.state, answer.reason):
                log.error("report.not_told", report_id=parcel.report_id, reason=str(trouble))
                self._untold.append((parcel, step.state, answer.reason))

    def _tell(self, parcel: Parcel, state: SubmissionState, reason: str | None) -> Exception | None:
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
            is_open = not isinstance(parcel, ArchivedParcel) or parcel.archive in self._archives()
            if is_open and self._tell(parcel, state, reason):
                self._untold.append((parcel, state, reason))
            self._untold.popleft()

    def _drop_connection(self) -> None:
        old, self._submitter = self._submitter, None
        if old:
            self._loop.create_task(old.close())
        self._wake.set()
