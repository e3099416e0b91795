"""Whether a server can be reached and accepts the station's credentials; nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pywats_archive.config.server import ServerConfig
from pywats_archive.host.server.answers import Answer, Reply, SubmitOutcome, Trouble, judge_silence
from pywats_archive.host.server.connection import NoConnection, connected, fault_of, within
from pywats_archive.host.server.exchange import Exchange
from pywats_archive.models.time import Clock, utc_now

ANSWER_WITHIN_S = 10.0
"""For each of two requests."""
_NO_REPORT = "00000000-0000-0000-0000-000000000000"
"""An id that no report has: whoever may ask for it may also send reports, as far as can be known without sending one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What a server answered; no answer at all if ``fault`` or ``silence`` is set."""

    fault: str | None = None
    """Why no request could be made."""
    silence: Answer | None = None
    """Why there is no answer."""
    version: Reply | None = None
    """The answer to the question for the server's version."""
    lookup: Reply | None = None
    """The answer to the question for a report that does not exist."""
    heard_at: datetime | None = None
    """When the last answer came, by this computer's clock."""


def reach(server: ServerConfig, *, timeout_s: float = ANSWER_WITHIN_S, clock: Clock = utc_now) -> Reached:
    """Ask a server for its version, and for a report that does not exist; never raises for errors of server or network."""
    server.register_secrets()
    if fault := fault_of(server):
        return Reached(fault=fault[1])
    try:
        return asyncio.run(_reach(server, timeout_s, clock))
    except NoConnection as exc:
        return Reached(fault=f"the connection cannot be set up: {exc}")


async def _reach(server: ServerConfig, timeout_s: float, clock: Clock) -> Reached:
    client = await connected(server, timeout_s=timeout_s)
    try:
        version = await _ask(client.analytics.get_version, server, timeout_s)
        if isinstance(version, Answer):
            return Reached(silence=version)
        found = Reached(version=version, heard_at=clock())
        lookup = await _ask(lambda: client.report.get_report(_NO_REPORT, detail_level=0), server, timeout_s)
        if isinstance(lookup, Answer):
            return replace(found, silence=lookup)
        return replace(found, lookup=lookup, heard_at=clock())
    finally:
        await client.close()


async def _ask(request: Callable[[], Awaitable[Any]], server: ServerConfig, timeout_s: float) -> Reply | Answer:
    """Return the reply to a request, or why there is none."""
    exchange = Exchange()
    try:
        await within(timeout_s, request())
    except asyncio.TimeoutError:
        reason = f"no answer within {timeout_s:g} s"
        return Answer(verdict=SubmitOutcome.LATER, reason=reason, trouble=Trouble.TIMED_OUT)
    except Exception as exc:  # the host raises for every answer that it did not expect
        if exchange.reply is None:
            return judge_silence(exc, address=server.service_address)
    if exchange.reply is None:
        return Answer(verdict=SubmitOutcome.LATER, reason="no request was made")
    return exchange.reply
