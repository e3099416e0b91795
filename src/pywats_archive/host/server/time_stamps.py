"""Asking a time stamp authority over HTTP (RFC 3161, 3.4), through the proxies of the environment, as pyWATS' client does."""

from __future__ import annotations

import time

import httpx

from pywats_archive.errors import NoTimeStamp

_MOST_BYTES = 1_000_000
"""An answer has 1 to 10 KB, most of it certificates."""
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


def ask(address: str, request: bytes, *, timeout_s: float) -> bytes:
    """Send a request to an authority; return its answer as it came. NoTimeStamp if there is none."""
    until_s = time.monotonic() + timeout_s
    headers = {"Content-Type": _QUERY, "Accept": _REPLY}
    try:
        with httpx.stream("POST", address, content=request, headers=headers, timeout=timeout_s) as response:
            if response.status_code != httpx.codes.OK:
                raise NoTimeStamp(f"it answered {response.status_code}; check time_stamp_url")
            if (kind := response.headers.get("content-type", "").partition(";")[0].strip().lower()) != _REPLY:
                raise NoTimeStamp(f"it answered with '{kind[:100]}', which is no time stamp; check time_stamp_url")
            return _body(response, until_s)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as exc:
        raise NoTimeStamp(
            f"it cannot be reached ({type(exc).__name__}); check time_stamp_url, the network and the proxy"
        ) from exc


def _body(response: httpx.Response, until_s: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MOST_BYTES:
            raise NoTimeStamp("its answer is too long; check time_stamp_url")
        if time.monotonic() > until_s:
            raise NoTimeStamp("its answer took too long; it is asked again later")
    return bytes(content)
