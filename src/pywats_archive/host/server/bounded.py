"""Limits on the host's HTTP client that it does not have: how long an answer may be, and no compression that was not asked for.

The host reads whatever comes. So its client gets a hook that reads each answer first: no more than an answer may hold,
however it is compressed. How long all of it may take is the caller's to say.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx

from pywats_archive.host.server.answers import Reply
from pywats_archive.host.server.exchange import CURRENT, AnswerTooLarge

MOST_BYTES = 1_000_000
"""An acceptance has 50 bytes, a refusal a few words."""
_GZIP_OR_ZLIB = 47


async def bounded_client(api: Any, *, connect_s: float, hooks: Iterable[Callable[[Any], Awaitable[None]]] = ()) -> None:
    """Limit the HTTP client of an AsyncWATS, which creates it itself; ``hooks`` are called first."""
    client: httpx.AsyncClient = await api._http_client._get_client()
    client.timeout = httpx.Timeout(None, connect=connect_s)
    client.headers["Accept-Encoding"] = "identity"
    client.event_hooks = {"response": [*hooks, _read_answer]}


async def _read_answer(response: httpx.Response) -> None:
    """Read an answer and store it; AnswerTooLarge closes the connection."""
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = _Bounded(response.stream, encoding)
    exchange = CURRENT.get()
    try:
        body = await response.aread()
    except AnswerTooLarge:
        exchange.reply = _reply(response, b"", is_whole=False)
        raise
    exchange.reply = _reply(response, body, is_whole=True)


def _reply(response: httpx.Response, body: bytes, *, is_whole: bool) -> Reply:
    header = response.headers.get
    return Reply(
        code=response.status_code,
        body=body,
        content_type=header("content-type", ""),
        retry_after=header("retry-after", ""),
        date=header("date", ""),
        is_whole=is_whole,
    )


class _Bounded(httpx.AsyncByteStream):
    """A decompressed body, of which at most the allowed length is in memory."""

    def __init__(self, stream: httpx.AsyncByteStream, encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        remaining = MOST_BYTES
        decompress = self._decompressor()
        async for chunk in self._stream:
            try:
                data = decompress(chunk, remaining + 1)
            except zlib.error as exc:
                raise AnswerTooLarge(f"compressed, and not readable: {exc}") from exc
            remaining -= len(data)
            if remaining < 0:
                raise AnswerTooLarge(f"more than {MOST_BYTES} bytes")
            yield data

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _decompressor(self) -> Any:
        if self._encoding in ("", "identity"):
            return lambda chunk, most: chunk
        if self._encoding in ("gzip", "x-gzip", "deflate"):
            return zlib.decompressobj(_GZIP_OR_ZLIB).decompress
        raise AnswerTooLarge(f"compressed by {self._encoding}, which was not asked for")
