"""The outbox: which of the reports that wait are sent, and in which order."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace

import pytest
from tests.station import wait_for

from pywats_archive.conversion.sending.items import MEMORY, RetryDecision
from pywats_archive.conversion.sending.outbox import Outbox
from pywats_archive.conversion.source_log import Origin
from pywats_archive.host.server.answers import Answer, SubmitOutcome
from pywats_archive.models.time import utc_now


@dataclass
class _Item:
    key: str
    report_id: str
    tries: int = 0
    is_stored: bool = False
    document: bytes | None = b"{}"
    place: str = MEMORY

    def body(self) -> bytes:
        return b"{}"

    def origin(self) -> Origin:
        return Origin()

    def is_alone_under_its_id(self) -> bool:
        return True

    def record_try(self, step: RetryDecision, answer: Answer, now: datetime) -> None:
        pass


@dataclass
class _Unreadable(_Item):
    document: bytes | None = None
    error: Exception = field(default_factory=Exception)
    tries_to_read: int = 0

    def body(self) -> bytes:
        self.tries_to_read += 1
        raise self.error


@dataclass
class _Server:
    """A far server that answers once it may."""

    came: list[bytes] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    async def submit(self, body: bytes, report_id: str, **more: object) -> Answer:
        self.came.append(body)
        while not self.may_answer.is_set():
            await asyncio.sleep(0.01)
        return Answer(verdict=SubmitOutcome.ACCEPTED, reason="")

    async def close(self) -> None:
        pass


@contextmanager
def sending(server: _Server, *items: _Item, settled: list[str] | None = None) -> Iterator[Outbox]:
    """Run an outbox that has these items."""
    note = [] if settled is None else settled
    outbox = Outbox(
        lambda: server,  # type: ignore[arg-type, return-value]
        tuple,
        on_completed=lambda item, state, reason: note.append(item.key),
        clock=utc_now,
    )
    for item in items:
        outbox.offer(item)
    outbox.start()
    try:
        yield outbox
    finally:
        server.may_answer.set()
        outbox.close()


def test_two_reports_of_one_id_are_never_on_their_way_at_once() -> None:
    """The server keeps what comes last: a later report waits for its word on the first; others do not."""
    server = _Server()
    first, second, other = (
        _Item(key=name, report_id=report_id, document=name.encode())
        for name, report_id in (("first", "a"), ("second", "a"), ("other", "b"))
    )
    with sending(server, first, second, other):
        wait_for(lambda: b"other" in server.came)
        assert server.came == [b"first", b"other"]
        server.may_answer.set()
        wait_for(lambda: len(server.came) == 3)
    assert server.came == [b"first", b"other", b"second"]


@pytest.mark.parametrize("error", [OSError(40, "Too many levels of symbolic links"), ValueError("odd"), KeyError("x")])
def test_a_report_that_cannot_be_read_waits_and_others_go(error: Exception) -> None:
    """Whatever is raised, the report is left alone for minutes, not tried in a loop, and named; the others are sent."""
    server, settled = _Server(), list[str]()
    server.may_answer.set()
    bad, good = _Unreadable(key="bad", report_id="a", error=error), _Item(key="good", report_id="b", document=b"good")
    with sending(server, bad, good, settled=settled) as outbox:
        wait_for(lambda: settled == ["good"] and outbox.state.unsendable)
        time.sleep(1)
        (told,) = outbox.state.unsendable
        assert bad.tries_to_read == 1
    assert type(error).__name__ in told.reason and server.came == [b"good"]


def test_a_stop_does_not_wait_for_the_server() -> None:
    """What is being sent is left: whether the server has it is unknown, and it is not settled (invariant 4)."""
    server, settled = _Server(), list[str]()
    with sending(server, _Item(key="a", report_id="a"), settled=settled) as outbox:
        wait_for(lambda: server.came)
        began_s = time.monotonic()
        outbox.close()
        assert time.monotonic() - began_s < 60
    assert settled == []


def test_a_catalog_that_fails_does_not_end_the_outbox() -> None:
    """Whatever an archive raises when it is asked, it is named, left alone for a while, and the rest is sent."""

    def archives() -> tuple[object]:
        return (SimpleNamespace(root="/archive"),)

    server = _Server()
    server.may_answer.set()
    outbox = Outbox(lambda: server, archives, on_completed=lambda *told: None, clock=utc_now)  # type: ignore[arg-type, return-value]
    outbox.start()
    try:
        wait_for(lambda: outbox.state.unreadable_archives)
        outbox.offer(_Item(key="a", report_id="a", document=b"good"))
        wait_for(lambda: server.came == [b"good"])
        (unreadable_archives,) = outbox.state.unreadable_archives
        assert unreadable_archives.place == "/archive" and "AttributeError" in unreadable_archives.reason
    finally:
        outbox.close()
