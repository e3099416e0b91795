"""The outbox: which of the reports that wait are sent, and in which order."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import datetime

from tests.station import wait_for

from pywats_archive.conversion.outbox import Outbox
from pywats_archive.conversion.parcels import Step
from pywats_archive.host.submission import Answer, Verdict
from pywats_archive.models.time import utc_now


@dataclass
class _Parcel:
    key: str
    report_id: str
    tries: int = 0
    is_stored: bool = False
    document: bytes | None = b"{}"

    def body(self) -> bytes:
        return b"{}"

    def settle(self, step: Step, answer: Answer, now: datetime) -> None:
        pass


@dataclass
class _Server:
    """A far server that answers once it may."""

    came: list[bytes] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    async def submit(self, body: bytes, report_id: str) -> Answer:
        self.came.append(body)
        await asyncio.to_thread(self.may_answer.wait)
        return Answer(verdict=Verdict.ACCEPTED, reason="")

    async def close(self) -> None:
        pass


def test_two_reports_of_one_id_are_never_on_their_way_at_once() -> None:
    """The server keeps what comes last: a later report waits for its word on the first; others do not."""
    server = _Server()
    outbox = Outbox(lambda: server, tuple, on_settled=lambda *told: None, clock=utc_now)  # type: ignore[arg-type, return-value]
    for name, report_id in (("first", "a"), ("second", "a"), ("other", "b")):
        outbox.offer(_Parcel(key=name, report_id=report_id, document=name.encode()))
    outbox.start()
    try:
        wait_for(lambda: b"other" in server.came)
        assert server.came == [b"first", b"other"]
        server.may_answer.set()
        wait_for(lambda: len(server.came) == 3)
    finally:
        server.may_answer.set()
        outbox.close()
    assert server.came == [b"first", b"other", b"second"]
