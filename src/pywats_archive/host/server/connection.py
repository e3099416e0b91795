"""A connection to a server through the host's own client, and what must be configured before one can be made."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from pywats_archive.config.server import ServerConfig
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.server.answers import Trouble

OnAnswer = Callable[[Any], Awaitable[None]]


class NoConnection(Exception):
    """This computer lacks something that a connection needs."""


async def connected(server: ServerConfig, *, timeout_s: float, on_answer: OnAnswer | None = None) -> Any:
    """Return the host's AsyncWATS for a server; no request is made yet. NoConnection says what is missing.

    ``on_answer`` is called with each response, as a hook of httpx.
    """
    try:
        return await _connect(server, timeout_s, on_answer)
    except Exception as exc:  # about a file that SSL_CERT_FILE names, or an invalid address
        named = f" (SSL_CERT_FILE is {path})" if (path := os.environ.get("SSL_CERT_FILE")) else ""
        raise NoConnection(f"{type(exc).__name__}: {exc}{named}") from exc


async def within(limit_s: float, doing: Awaitable[Any]) -> Any:
    """Wait for the host, and cancel its work on a time-out or when the caller is cancelled."""
    if sys.version_info >= (3, 11):
        async with asyncio.timeout(limit_s):
            return await doing
    return await asyncio.wait_for(doing, limit_s)  # a task more for each report


def fault_of(server: ServerConfig) -> tuple[Trouble, str] | None:
    """Return what must be configured before anything can be sent; None if nothing is missing."""
    if not server.service_address:
        return Trouble.UNUSABLE, "no server is configured (service_address is empty)"
    if not server.api_token:
        return Trouble.UNAUTHORISED, "no credentials are configured (api_token is empty)"
    if not (server.api_token.isascii() and server.api_token.isprintable()):
        return Trouble.UNAUTHORISED, "api_token has characters that a token cannot have; correct it"
    try:
        parts = urlsplit(server.service_address)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    return (
        None if is_address else (Trouble.UNUSABLE, "service_address is not an http:// or https:// address; correct it")
    )


async def _connect(server: ServerConfig, timeout_s: float, on_answer: OnAnswer | None) -> Any:
    client = pywats_module("pywats").AsyncWATS(
        base_url=server.service_address,
        token=server.api_token,
        timeout=timeout_s,
        enable_throttling=False,
        retry_enabled=False,
        enable_cache=False,
    )
    from pywats_archive.host.server.bounded import bounded_client  # noqa: PLC0415 (httpx, which the first answer needs)

    hooks = (on_answer,) if on_answer else ()
    await bounded_client(client, connect_s=timeout_s, hooks=hooks)
    return client
