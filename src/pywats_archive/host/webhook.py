"""Posting alerts to the webhooks that pyWATS' configuration names."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import structlog

from pywats_archive.config import WebhookConfig

log = structlog.get_logger()

_TIMEOUT_S = 10.0
_WAITS_S = (0.0, 5.0, 30.0)
"""Before each of the tries; then the alert is in the log and the history alone."""
_MOST_WAITING = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """One message; ``of_converter`` says which of the two addresses it is for."""

    document: Mapping[str, object]
    of_converter: bool


class Webhook:
    """Posts JSON documents one after the other, from its own thread, so that nobody waits for the far end."""

    def __init__(self, config: WebhookConfig, *, waits_s: tuple[float, ...] = _WAITS_S) -> None:
        self.config = config
        self._waits_s = waits_s
        self._posts: queue.Queue[Post | None] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def post(self, document: Mapping[str, object], *, of_converter: bool) -> None:
        """Post a document soon; nothing where no address is configured. Does not wait and does not fail."""
        if self._address(of_converter):
            try:
                self._posts.put_nowait(Post(document=document, of_converter=of_converter))
            except queue.Full:
                log.warning("webhook.dropped", reason=f"{_MOST_WAITING} messages wait already")

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
            self._try(post)

    def _try(self, post: Post) -> None:
        address = self._address(post.of_converter)
        header, value = self.config.webhook_auth_header, self.config.webhook_auth_value
        reason = ""
        for wait_s in self._waits_s:
            if self._stopping.wait(wait_s):
                return
            try:
                headers = {header: value} if header and value else {}
                httpx.post(address, json=dict(post.document), headers=headers, timeout=_TIMEOUT_S).raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                reason = str(exc) or type(exc).__name__
            else:
                return
        log.warning("webhook.failed", address=_without_secrets(address), reason=reason.replace(address, "it"))

    def _address(self, of_converter: bool) -> str:
        mine, other = self.config.webhook_converter_url, self.config.webhook_service_url
        return (mine or other) if of_converter else (other or mine)


def _without_secrets(address: str) -> str:
    """An address as it may stand in a log: many webhooks have their secret in the path or the query."""
    url = httpx.URL(address)
    return f"{url.scheme}://{url.host}"
