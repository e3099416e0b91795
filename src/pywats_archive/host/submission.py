"""Submitting a report over the host's own AsyncWATS, and reading the answer with suspicion.

What each answer means was measured on pywats-api 0.6.0rc1: only the report's own id coming back is an acceptance.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from pywats_archive.config import ServerConfig
from pywats_archive.host.headless import pywats_module

TIMEOUT_S = 30.0
_FAILED = re.compile(r"Report submission failed \((\d{3})\): (.*)", re.DOTALL)
_STOPS = {401, 403, 404, 405}
_LATER = {408, 425, 429}
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


class Verdict(str, Enum):
    """What a try to submit came to."""

    ACCEPTED = "accepted"
    LATER = "later"
    REFUSED = "refused"
    STOP = "stop"
    """Nothing will be taken until a person acts: wrong credentials, wrong address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the server said to a report: a verdict and its reason, in one line."""

    verdict: Verdict
    reason: str = ""


class Submitter:
    """A connection to one server; belongs to one event loop, and may submit several reports at once."""

    def __init__(self, server: ServerConfig, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._client: Any = None
        self._retired: list[Any] = []
        self._in_flight = 0

    async def submit(self, document: bytes, report_id: str) -> Answer:
        """Send a report's exact bytes once; never raises for what server or network do."""
        if fault := _fault(self._server):
            return Answer(verdict=Verdict.STOP, reason=fault)
        self._in_flight += 1
        try:
            return await self._submit(self._connected(), document, report_id)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                await self._close_retired()

    async def close(self) -> None:
        """Close the connection; a later submit opens a new one."""
        self._retire(self._client)
        await self._close_retired()

    async def _submit(self, client: Any, document: bytes, report_id: str) -> Answer:
        try:
            returned = await client.report.submit(document)
        except Exception as exc:
            if answered := _FAILED.match(str(exc)):
                code, words = int(answered[1]), self._told(answered[2])
                return Answer(verdict=_verdict(code), reason=f"the server answered {code}: {words}")
            self._retire(client)
            return Answer(verdict=Verdict.LATER, reason=f"{type(exc).__name__}: {self._told(exc)}")
        if _is_same_id(returned, report_id):
            return Answer(verdict=Verdict.ACCEPTED)
        words = self._told(returned)
        return Answer(verdict=Verdict.LATER, reason=f"not confirmed: the server answered {words}, not the report's id")

    def _connected(self) -> Any:
        if self._client is None:
            self._client = pywats_module("pywats").AsyncWATS(
                base_url=self._server.service_address,
                token=self._server.api_token,
                timeout=self._timeout_s,
                enable_throttling=False,
                retry_enabled=False,
                enable_cache=False,
            )
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

    def _told(self, words: Any) -> str:
        """What was said, in one short line without the station's credentials."""
        text = _CREDENTIALS.sub("//", str(words)).replace(self._server.api_token, "[api_token]")
        return " ".join(text.split())[:300] or "nothing"


def _fault(server: ServerConfig) -> str | None:
    """Say what a person must configure before anything can be sent."""
    if not server.service_address:
        return "no server is configured (service_address is empty)"
    if not server.api_token:
        return "no credentials are configured (api_token is empty)"
    if not server.api_token.isascii():
        return "api_token is no token: it has characters that none has; correct it"
    try:
        parts = urlsplit(server.service_address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    return None if is_address else "service_address is no http:// or https:// address; correct it"


def _verdict(code: int) -> Verdict:
    if code in _STOPS:
        return Verdict.STOP
    return Verdict.REFUSED if 400 <= code < 500 and code not in _LATER else Verdict.LATER


def _is_same_id(returned: Any, report_id: str) -> bool:
    try:
        return uuid.UUID(str(returned)) == uuid.UUID(report_id)
    except ValueError:
        return str(returned) == report_id
