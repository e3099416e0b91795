"""Webhooks: one message that cannot be sent costs no other one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.captured import capture_logs
from tests.station import wait_for

from pywats_archive.config.server import WebhookConfig
from pywats_archive.host.server.webhook import Webhook

SECRET = "Bearer 5up3r"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/s3cret"


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def listener() -> Iterator[_Listener]:
    """A server that takes every message."""
    with _Listener() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "odd", [{"subject": "\udce4.log"}, {"subject": object()}, {"subject": float("nan")}, {"subject": b"\xff"}]
)
def test_a_message_of_any_content_goes_out_and_so_does_the_next(listener: _Listener, odd: dict[str, Any]) -> None:
    """A name that is not UTF-8, or a value that is no JSON, ends nothing."""
    hook = Webhook(WebhookConfig(webhook_service_url=listener.address), waits_s=(0.0,))
    hook.post({"alert": "odd", **odd}, of_converter=False)
    hook.post({"alert": "next"}, of_converter=False)
    wait_for(lambda: len(listener.got) == 2)
    hook.close()
    assert [body["alert"] for _, body in listener.got] == ["odd", "next"]


@pytest.mark.parametrize("value", [SECRET + "\nX: 1", SECRET + "\x00x", SECRET + "\r\n\r\n{}"])
def test_a_header_that_cannot_be_sent_costs_the_message_alone(listener: _Listener, value: str) -> None:
    """It is dropped with a line in the log, at once, and goes on once the configuration is right; the secret is not told."""
    config = WebhookConfig(webhook_service_url=listener.address, webhook_auth_header="X-Auth", webhook_auth_value=value)
    with capture_logs() as lines:
        hook = Webhook(config, waits_s=(0.0, 60.0))
        hook.post({"alert": "first"}, of_converter=False)
        wait_for(lambda: [line["event"] for line in lines] == ["webhook.dropped"])
        hook.config = config.model_copy(update={"webhook_auth_value": f" {SECRET} ä\n"})
        hook.post({"alert": "second"}, of_converter=False)
        wait_for(lambda: len(listener.got) == 1)
        hook.close()
    headers, body = listener.got[0]
    assert body == {"alert": "second"} and headers["X-Auth"].startswith(SECRET)
    assert "5up3r" not in str(lines) and "s3cret" not in str(lines)


@pytest.mark.parametrize(
    "address", ["http://[", "http://127.0.0.1:99999/s3cret", "http://ä b/s3cret", "http:///s3cret", "http://\x00"]
)
def test_an_address_that_is_none_ends_nothing(listener: _Listener, address: str) -> None:
    """Each message to it is told in a line, and a right address is served by the same thread."""
    config = WebhookConfig(webhook_service_url=address)
    with capture_logs() as lines:
        hook = Webhook(config, waits_s=(0.0,))
        hook.post({"alert": "first"}, of_converter=False)
        wait_for(lambda: lines)
        hook.config = WebhookConfig(webhook_service_url=listener.address)
        hook.post({"alert": "second"}, of_converter=False)
        wait_for(lambda: len(listener.got) == 1)
        hook.close()
    assert lines[0]["event"] in ("webhook.dropped", "webhook.failed") and "s3cret" not in str(lines)
