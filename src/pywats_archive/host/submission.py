"""Submitting a report over the host's own AsyncWATS, and reading the answer with suspicion.

What each answer means was measured on pywats-api 0.6.0rc1: only the report's own id coming back is an acceptance.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pywats_archive.config import ServerConfig
from pywats_archive.host.headless import pywats_module

TIMEOUT_S = 30.0
_FAILED = re.compile(r"Report submission failed \((\d{3})\): (.*)", re.DOTALL)
_STOPS = {401, 403, 404, 405}
_LATER = {408, 425, 429}


class Verdict(str, Enum):
    """What a try to submit came to."""

    ACCEPTED = "accepted"
    LATER = "later"
    REFUSED = "refused"
    STOP = "stop"
    """Nothing will be taken until a person acts: wrong credentials, wrong address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A verdict and its reason, in one line."""

    verdict: Verdict
    reason: str = ""


class Submitter:
    """A connection to one server; belongs to one event loop."""

    def __init__(self, server: ServerConfig, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._client: Any = None

    async def submit(self, document: bytes, report_id: str) -> Outcome:
        """Send a report's exact bytes once; never raises for what server or network do."""
        if not self._server.service_address:
            return Outcome(verdict=Verdict.STOP, reason="no server is configured (service_address is empty)")
        try:
            returned = await self._connected().report.submit(document)
        except Exception as exc:
            outcome = _failure(exc)
            if outcome.verdict is Verdict.LATER:
                await self.close()
            return outcome
        if _is_same_id(returned, report_id):
            return Outcome(verdict=Verdict.ACCEPTED)
        return Outcome(
            verdict=Verdict.LATER, reason=f"not confirmed: the server answered {_short(returned)}, not the report's id"
        )

    async def close(self) -> None:
        """Close the connection; a later submit opens a new one (and with it a new circuit breaker)."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _connected(self) -> Any:
        if self._client is None:
            retries = pywats_module("pywats.core.retry").RetryConfig(enabled=False)
            self._client = pywats_module("pywats").AsyncWATS(
                base_url=self._server.service_address,
                token=self._server.api_token,
                timeout=self._timeout_s,
                enable_throttling=False,
                retry_enabled=False,
                retry_config=retries,
                enable_cache=False,
            )
        return self._client


def _failure(exc: Exception) -> Outcome:
    match = _FAILED.match(str(exc))
    if match is None:
        return Outcome(verdict=Verdict.LATER, reason=f"{type(exc).__name__}: {_short(exc)}")
    code, words = int(match[1]), _short(match[2])
    return Outcome(verdict=_verdict(code), reason=f"the server answered {code}: {words}")


def _verdict(code: int) -> Verdict:
    if code in _STOPS:
        return Verdict.STOP
    return Verdict.REFUSED if 400 <= code < 500 and code not in _LATER else Verdict.LATER


def _is_same_id(returned: Any, report_id: str) -> bool:
    try:
        return uuid.UUID(str(returned)) == uuid.UUID(report_id)
    except ValueError:
        return str(returned) == report_id


def _short(words: Any) -> str:
    return " ".join(str(words).split())[:300] or "nothing"
