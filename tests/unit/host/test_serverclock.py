from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from pywats_archive.config.server import ServerConfig
from pywats_archive.host.server.clock import ServerClock
from pywats_archive.models.time import UTC

SAID = "Tue, 24 Nov 2026 12:00:00 GMT"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def heard(headers: dict[str, str], seconds: list[float] | None = None) -> ServerClock:
    """A clock that heard one answer with these headers."""
    clock = ServerClock(lambda: (seconds or [0.0])[0])
    asyncio.run(clock.hear(httpx.Response(200, headers=headers)))
    return clock


def test_the_servers_clock_goes_on_by_the_uptime() -> None:
    """What the server said goes on with the time that is lived through, whatever the station's clock says."""
    seconds = [100.0]
    clock = heard({"Date": SAID}, seconds)
    seconds[0] += 3600
    assert clock.now == NOON + timedelta(hours=1)
    clock.forget()
    assert clock.now is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "yesterday"},
        {"Date": "Tue, 99 Nov 2026 12:00:00 GMT"},
        {"Date": "Tue, 24 Nov 99999999 12:00:00 GMT"},
        {"Date": "2026-11-24T12:00:00"},
        {"Date": SAID, "Age": "86400"},
    ],
)
def test_an_answer_that_does_not_say_the_time_says_nothing(headers: dict[str, str]) -> None:
    """No date, none that can be read, and one that a cache has kept: nothing is known, and nothing fails."""
    assert heard(headers).now is None


@contextmanager
def server() -> Iterator[str]:
    """A server that knows nothing but its date, and that must not be given credentials."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "authorization" not in self.headers
            self.send_response_only(404)
            self.send_header("Date", SAID)
            self.end_headers()

        def log_message(self, *unused: object) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def test_a_server_is_asked_for_its_date_alone() -> None:
    """Any answer has a date; one that does not come, or an address that is none, is no error."""
    clock = ServerClock(lambda: 0.0)
    with server() as address:
        assert clock.ask(ServerConfig(service_address=address, api_token="dDp0")) and clock.now == NOON
    for address in ("", "http://127.0.0.1:1", "ftp://x", "http://[", "http://\0"):
        assert not ServerClock(lambda: 0.0).ask(ServerConfig(service_address=address))
