"""Submitting a report with the host's own AsyncWATS, without trusting every answer.

What each answer means was measured on pywats-api 0.6.0rc1: only the report's own id coming back is an acceptance.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from pywats_archive.config.server import ServerConfig
from pywats_archive.host.server.answers import Answer, SubmitOutcome, Trouble, is_same_id, judge, judge_silence
from pywats_archive.host.server.connection import NoConnection, OnAnswer, connected, fault_of, within
from pywats_archive.host.server.exchange import Exchange
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.redaction import redacted

LONGEST_S = 600.0
"""The longest time for a submission, unless the configuration allows more for the first try."""
SLOWEST_BYTES_S = 100_000.0
"""The slowest expected rate; a large report is allowed more time from the first try."""
_COMPARED = ("sn", "pn", "result")


class Submitter:
    """A connection to one server, for one event loop; may submit several reports at once."""

    def __init__(
        self,
        server: ServerConfig,
        *,
        timeout_s: float | None = None,
        clock: Clock = utc_now,
        on_answer: OnAnswer | None = None,
    ) -> None:
        """``on_answer`` is called with each response, as a hook of httpx."""
        self._server = server
        server.register_secrets()
        self._on_answer = on_answer
        self._timeout_s = timeout_s or server.submit_timeout_seconds
        self._now = clock
        self._client: Any = None
        self._connecting = asyncio.Lock()
        self._retired: list[Any] = []
        self._in_flight = 0

    async def submit(self, document: bytes, report_id: str, *, timeouts: int = 0, check_first: bool = False) -> Answer:
        """Send a report's exact bytes once; never raises for errors of server or network.

        The time allowed grows with ``timeouts``, the earlier tries of this report that had too little. With ``check_first``
        the server is asked whether it has the report already, which is an acceptance too.
        """
        if fault := fault_of(self._server):
            return Answer(verdict=SubmitOutcome.STOP, reason=fault[1], trouble=fault[0])
        self._in_flight += 1
        try:
            if check_first and await self._has(document, report_id):
                return Answer(verdict=SubmitOutcome.ACCEPTED, reason="the server has it from an earlier try")
            return await self._submit(document, report_id, allowed_s(self._timeout_s, len(document), timeouts))
        except NoConnection as exc:
            reason = f"the connection cannot be set up: {exc}"
            return self._in_one_line(Answer(verdict=SubmitOutcome.STOP, reason=reason, trouble=Trouble.UNUSABLE))
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                await self._close_retired()

    async def close(self) -> None:
        """Close the connection; a later submit opens a new one."""
        self._retire(self._client)
        await self._close_retired()

    async def _submit(self, document: bytes, report_id: str, limit_s: float) -> Answer:
        client, exchange = await self._connected(), Exchange()
        try:
            await within(limit_s, client.report.submit(document))
        except asyncio.TimeoutError:
            reason = f"Timeout: no answer within {limit_s:.3g} s; whether the server has the report is unknown"
            return Answer(verdict=SubmitOutcome.LATER, reason=reason, trouble=Trouble.TIMED_OUT)
        except Exception as exc:
            if exchange.reply is None:
                self._retire(client)
                return self._in_one_line(judge_silence(exc, address=self._server.service_address))
        if exchange.reply is None:
            return Answer(verdict=SubmitOutcome.LATER, reason="not confirmed: no request was sent")
        return self._in_one_line(judge(exchange.reply, report_id, now=self._now()))

    async def _has(self, document: bytes, report_id: str) -> bool:
        """Return whether the server has exactly this report; False unless it clearly says so."""
        client, exchange = await self._connected(), Exchange()
        try:
            await within(self._timeout_s, client.report.get_report(report_id, detail_level=0))
        except asyncio.TimeoutError:
            return False
        except Exception:  # the host raises for a report that it does not find, or whose form it does not know
            if exchange.reply is None:
                self._retire(client)
        found = exchange.reply
        return found is not None and found.code == 200 and _is_of(found.document, document, report_id)

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._client is None:
                self._client = await connected(self._server, timeout_s=self._timeout_s, on_answer=self._on_answer)
            return self._client

    def _retire(self, client: Any) -> None:
        """Let the next submission open a new connection, and with it a circuit breaker that is closed.

        Others may be sending over the old one still, so it ends with the last of them.
        """
        if client is not None and client not in self._retired:
            self._retired.append(client)
        if client is self._client:
            self._client = None

    async def _close_retired(self) -> None:
        while self._retired:
            await self._retired.pop().close()

    def _in_one_line(self, answer: Answer) -> Answer:
        """Return the answer with its reason as one short line, without the station's credentials."""
        if answer.verdict is SubmitOutcome.ACCEPTED:
            return answer
        return replace(answer, reason=" ".join(redacted(answer.reason).split())[:400])


def allowed_s(base_s: float, size_bytes: int, timeouts: int) -> float:
    """Return how long a submission may take: longer for a large report, and twice as long after each time-out."""
    wanted = (base_s + size_bytes / SLOWEST_BYTES_S) * 2.0 ** min(timeouts, 16)
    return min(wanted, max(LONGEST_S, base_s))


def _is_of(found: Any, document: bytes, report_id: str) -> bool:
    """Return whether a report on the server is this one, by its header."""
    try:
        own = orjson.loads(document)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(found, dict) or not isinstance(own, dict) or not is_same_id(found.get("id"), report_id):
        return False
    is_same_unit = all(name not in found or found[name] == own.get(name) for name in _COMPARED)
    return is_same_unit and _start_of(found) == _start_of(own)


def _start_of(report: dict[str, Any]) -> datetime | str:
    """Return when the test began; UTC offsets can be written in several ways."""
    start = str(report.get("start") or report.get("startUTC"))
    try:
        return datetime.fromisoformat(start.replace("Z", "+00:00"))
    except ValueError:
        return start
