"""Faults of a WATS server, for tests of what happens to the reports."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

LOGIN_PATH = "/Account/Login"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    location: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    byte_every_s: float = 0.0
    """Send the body byte by byte, with this many seconds between two bytes, as long as anybody reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A wrong treatment of one request."""

    reply: Reply | None = None
    """The answer; None leaves the correct one."""
    stores: bool = False
    """Whether the report is kept nevertheless, if it is valid."""
    reads: bool = True
    hangs_up: bool = False
    """Close the connection instead of answering."""
    hang_s: float = 0.0
    """How long to wait before the answer; stopping the server ends the wait."""


FaultPlan = Callable[[int], Fault | None]
"""Returns the fault of the n-th report request, counted from 1; None to handle it normally."""

EMPTY = Fault(reply=Reply(status=200))
NO_IDS = Fault(reply=Reply(status=200, body=b"[]"))
TEXT = Fault(reply=Reply(status=200, body=b"Report received, thank you.", content_type="text/plain"))
LOGIN_PAGE = Fault(reply=Reply(status=302, location=LOGIN_PATH))
DROP_BEFORE_READING = Fault(reads=False, hangs_up=True)
DROP_AFTER_ACCEPTING = Fault(stores=True, hangs_up=True)


def answer(status: int, message: str = "simulated fault") -> Fault:
    """Answer with this HTTP status and a JSON message; nothing is kept."""
    return Fault(reply=Reply(status=status, body=json.dumps({"Message": message}).encode()))


def page(status: int, text: str = "<html><body>simulated gateway</body></html>") -> Fault:
    """Answer with a page, as gateways and login pages do."""
    return Fault(reply=Reply(status=status, body=text.encode(), content_type="text/html"))


def busy(status: int = 429, *, retry_after: str = "") -> Fault:
    """Ask for a pause."""
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return Fault(reply=Reply(status=status, body=b'{"Message": "too many requests"}', headers=headers))


def bomb(size_bytes: int) -> Fault:
    """Answer with a small body that is a large one once it is decompressed."""
    body = gzip.compress(b"\0" * size_bytes)
    return Fault(reply=Reply(status=200, body=body, headers=(("Content-Encoding", "gzip"),)))


def trickle(byte_every_s: float) -> Fault:
    """Keep the report, and send an answer that never ends."""
    return Fault(reply=Reply(status=200, body=b" ", byte_every_s=byte_every_s), stores=True)


def wrong_id(report_id: str | None = None) -> Fault:
    """Confirm another report than the one that was sent."""
    body = json.dumps([{"ID": report_id or str(uuid.uuid4())}]).encode()
    return Fault(reply=Reply(status=200, body=body))


def hang(seconds: float) -> Fault:
    """Keep the report, then let the sender wait for the answer."""
    return Fault(stores=True, hang_s=seconds)


def in_turn(faults: Iterable[Fault | None]) -> FaultPlan:
    """Apply these faults to the first requests, one after the other, and none to later requests."""
    queue = tuple(faults)
    return lambda number: queue[number - 1] if number <= len(queue) else None


def always(fault: Fault) -> FaultPlan:
    """Apply this fault to every request."""
    return lambda number: fault
