"""Facts of the host's ``AsyncWATS`` over HTTP that our reading of answers rests on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import pytest

from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from pywats_archive.demo.server import WatsServer
from pywats_archive.host.headless import pywats_module
from pywats_archive.host.reports import as_fields, encode

REPORT_ID = "0d5bb7a3-6f0f-4a52-9d6b-0f0e5f1f7a11"
REPORT = {"id": REPORT_ID, "sn": 'Ä/"1', "x": [1.5, None, True], "root": {}}


@pytest.fixture
def server() -> Iterator[WatsServer]:
    """A server that takes anything with an id."""
    with WatsServer() as running:
        yield running


def over(server: WatsServer, use: Callable[[Any], Awaitable[Any]]) -> Any:
    """Use a connection as the host makes it; gives what ``use`` gives or raises."""

    async def run() -> Any:
        client = pywats_module("pywats").AsyncWATS(base_url=server.address, token="dDp0", enable_throttling=False)
        async with client:
            return await use(client)

    return asyncio.run(run())


def submit(server: WatsServer, report: Any) -> Any:
    """Submit once."""
    return over(server, lambda client: client.report.submit(report))


def models() -> list[Any]:
    """One report of each kind, as converters make them."""
    made = pywats_module("pywats.domains.report.report_models")
    when = datetime(2026, 2, 13, 10, tzinfo=timezone.utc)
    named = {"pn": "P", "sn": "Sø", "rev": "A", "station_name": "M", "location": "L", "purpose": "T", "start": when}
    test = made.UUTReport(**named, process_code=10, result="P")
    test.get_root_sequence_call().add_boolean_step(name="on", status="P")
    return [test, made.UURReport(**named, process_code=500, result="P")]


def test_a_model_is_sent_as_we_archive_it(server: WatsServer) -> None:
    """The exact JSON that we keep is what the host would have sent (invariant 4)."""
    for report in (*models(), REPORT):
        kept = encode(as_fields(report))
        returned = submit(server, report)
        assert server.received[returned] == [kept]


@pytest.mark.parametrize(
    ("fault", "returned"),
    [
        (faults.EMPTY, None),
        (faults.NO_IDS, None),
        (faults.TEXT, "Report received, thank you."),
        (faults.LOGIN_PAGE, "<html><body>Please log in (simulated WATS)</body></html>"),
    ],
)
def test_no_confirmation_is_no_error_there(server: WatsServer, fault: Fault, returned: str | None) -> None:
    """Else less suspicion would do: an empty answer is None, any text an id, a redirect swallows the report."""
    server.fault = faults.always(fault)
    assert submit(server, REPORT) == returned


@pytest.mark.parametrize("code", [400, 401, 404, 408, 429, 500, 503])
def test_a_status_is_told_in_words_alone_and_never_tried_again(server: WatsServer, code: int) -> None:
    """``submission`` reads the status out of the message, because the exception has no other place for it."""
    server.fault = faults.always(faults.answer(code, "why"))
    with pytest.raises(ValueError, match=rf"^Report submission failed \({code}\): why$") as caught:
        submit(server, REPORT)
    assert not hasattr(caught.value, "status_code") and server.requests == 1


def test_after_five_refusals_it_tries_no_more(server: WatsServer) -> None:
    """Else a connection could be kept after a failure."""
    server.stop()

    async def use(client: Any) -> list[str]:
        names = []
        for _ in range(7):
            try:
                await client.report.submit(REPORT)
            except Exception as exc:
                names.append(type(exc).__name__)
        return names

    assert over(server, use) == ["ConnectionError"] * 5 + ["CircuitBreakerOpenError"] * 2


def test_its_circuit_breaker_cannot_be_turned_off() -> None:
    """Else ``Submitter`` need not make a new client."""
    assert not [name for name in inspect.signature(pywats_module("pywats").AsyncWATS).parameters if "circuit" in name]


def test_it_takes_no_http_client_of_ours() -> None:
    """Else the limits on answers need not be put on the client that it makes for itself (``host/exchange``)."""
    parameters = inspect.signature(pywats_module("pywats").AsyncWATS).parameters
    assert not [name for name in parameters if "client" in name or "transport" in name or "hook" in name]


def test_it_makes_one_client_and_keeps_it(server: WatsServer) -> None:
    """Else the hook that bounds answers would be on another one than is used."""

    async def use(client: Any) -> list[int]:
        http = await client._http_client._get_client()
        seen: list[int] = []

        async def note(response: Any) -> None:
            seen.append(response.status_code)

        http.event_hooks = {"response": [note]}
        await client.report.submit(REPORT)
        assert await client._http_client._get_client() is http
        return seen

    assert over(server, use) == [200]


def test_a_report_is_asked_for_by_its_id(server: WatsServer) -> None:
    """``get_report`` asks the server with one request; what it makes of the answer is not needed."""

    async def use(client: Any) -> None:
        await client.report.submit(REPORT)
        with suppress(Exception):
            await client.report.get_report(REPORT_ID, detail_level=0)

    over(server, use)
    assert (server.requests, server.lookups) == (1, 1)


def test_its_throttle_blocks_the_event_loop() -> None:
    """Else it could stay on."""
    limiter = pywats_module("pywats.core.throttle").RateLimiter
    assert not inspect.iscoroutinefunction(limiter.acquire)


def test_an_empty_token_is_searched_for_elsewhere() -> None:
    """Which is why an empty token stops us before the host looks for a service of its own."""
    with pytest.raises(ValueError, match="Credentials required"):
        pywats_module("pywats").AsyncWATS(base_url="http://127.0.0.1:9", token="")
