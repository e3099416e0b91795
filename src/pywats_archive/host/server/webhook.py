"""Alerts for the webhooks in pyWATS' configuration."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import httpx
import structlog

from pywats_archive.config.server import WebhookConfig
from pywats_archive.redaction import redacted, redacted_json

log = structlog.get_logger()

_TIMEOUT_S = 10.0
_WAITS_S = (0.0, 5.0, 30.0)
"""Delays before the tries; after the last one the alert is only in the log and the history."""
_MOST_WAITING = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A message; ``of_converter`` selects one of the two addresses."""

    document: Mapping[str, object]
    of_converter: bool


class Webhook:
    """Posts JSON documents in order, from a thread of its own, so that no caller waits."""

    def __init__(self, config: WebhookConfig, *, waits_s: tuple[float, ...] = _WAITS_S) -> None:
        self.config = config
        config.register_secrets()
        self._waits_s = waits_s
        self._posts: queue.Queue[Post | None] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def post(self, document: Mapping[str, object], *, of_converter: bool) -> None:
        """Queue a document for posting, if an address is configured; never waits and never fails."""
        if self._address(of_converter):
            try:
                self._posts.put_nowait(Post(document=document, of_converter=of_converter))
            except queue.Full:
                log.warning("webhook.dropped", reason=f"{_MOST_WAITING} messages are waiting already")

    def close(self, *, timeout_s: float = 2.0) -> None:
        """Stop, after the messages that can be posted within ``timeout_s``."""
        try:
            self._posts.put_nowait(None)
        except queue.Full:
            self._stopping.set()
        self._thread.join(timeout_s)
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set() and (post := self._posts.get()) is not None:
            try:
                self._try(post)
            except Exception as exc:  # one bad message must not cost the others
                log.warning("webhook.dropped", alert=post.document.get("alert"), reason=redacted(_cause(exc)))

    def _try(self, post: Post) -> None:
        address, headers = self._address(post.of_converter), _headers(self.config)
        body = redacted_json(dict(post.document), partial(json.dumps, default=str)).encode("ascii")
        reason = ""
        for wait_s in self._waits_s:
            if self._stopping.wait(wait_s):
                return
            try:
                with httpx.stream("POST", address, content=body, headers=headers, timeout=_TIMEOUT_S) as answer:
                    answer.raise_for_status()  # the body is not read, since it may never end
            except _UNSENDABLE:
                raise
            except httpx.HTTPError as exc:
                reason = _cause(exc)
            else:
                return
        log.warning("webhook.failed", address=_without_secrets(address), reason=redacted(reason))

    def _address(self, of_converter: bool) -> str:
        mine, other = self.config.webhook_converter_url, self.config.webhook_service_url
        return (mine or other) if of_converter else (other or mine)


_UNSENDABLE = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
"""An error that another try cannot fix."""


def _headers(config: WebhookConfig) -> dict[bytes, bytes]:
    """Return the headers of a message; an invalid name or value fails when the message is sent."""
    name, value = config.webhook_auth_header.strip(), config.webhook_auth_value.strip()
    given = {name.encode("ascii"): value.encode("utf-8")} if name and value else {}
    return {b"Content-Type": b"application/json", **given}


def _cause(exc: Exception) -> str:
    """Return why a message was not accepted, without addresses and headers, which may be secret."""
    if isinstance(exc, httpx.HTTPStatusError):
        return f"it answered {exc.response.status_code}"
    if isinstance(exc, httpx.TransportError) and not isinstance(exc, _UNSENDABLE):
        return f"it cannot be reached ({type(exc).__name__})"
    return f"it cannot be sent ({type(exc).__name__}): check the webhook's address and its header in the configuration"


def _without_secrets(address: str) -> str:
    """Return an address for a log, without path and query, where many webhooks have a secret."""
    with suppress(httpx.InvalidURL, ValueError):
        url = httpx.URL(address)
        return f"{url.scheme}://{url.host}"
    return "(no address)"
