"""The simulated WATS server."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.station import PATIENCE_S, wait_for

from pywats_archive.demo import faults
from pywats_archive.demo.faults import Fault
from pywats_archive.demo.server import REPORT_PATH, WatsServer

TOKEN = "ZGVtbzpkZW1v"


def _report(**changes: Any) -> dict[str, Any]:
    report = {
        "id": str(uuid.uuid4()),
        "type": "T",
        "pn": "PCB-1",
        "sn": "SN1",
        "rev": "A",
        "processCode": 10,
        "result": "P",
        "machineName": "ICT",
        "location": "Line 1",
        "purpose": "Production",
        "start": "2026-02-13T08:00:00Z",
        "root": {"stepType": "SequenceCall", "steps": []},
    }
    return {name: value for name, value in (report | changes).items() if value is not None}


def _post(server: WatsServer, report: Any, *, token: str = TOKEN, timeout: float = PATIENCE_S) -> httpx.Response:
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    return httpx.post(server.address + REPORT_PATH, content=body, headers=headers, timeout=timeout)


@pytest.fixture
def server() -> Iterator[WatsServer]:
    before = set(threading.enumerate())
    with WatsServer(strict=True) as running:
        yield running
    assert set(threading.enumerate()) <= before


def test_accepts(server: WatsServer) -> None:
    """A report's own id is the answer, and its bytes are kept as they came."""
    report = _report()
    body = json.dumps(report, indent=3).encode()
    answer = _post(server, body)
    assert (answer.status_code, answer.json()) == (200, [{"ID": report["id"]}])
    assert server.received == {report["id"]: [body]}
    assert server.requests == 1


def test_says_it_is_simulated(server: WatsServer) -> None:
    """Every answer says that no real WATS gave it."""
    assert _post(server, _report()).headers["Server"] == "pywats-archive demo (simulated WATS)"


def test_same_id_twice(server: WatsServer) -> None:
    """Both bodies of a report that comes twice are kept, in order."""
    first, second = _report(), _report()
    second["id"] = first["id"]
    second["sn"] = "SN2"
    for each in (first, second):
        _post(server, each)
    assert [json.loads(body)["sn"] for body in server.received[first["id"]]] == ["SN1", "SN2"]


def test_names_a_report_without_id() -> None:
    """A server that is not strict gives a report without id a new one."""
    with WatsServer() as lenient:
        given = _post(lenient, {"sn": "1"}).json()[0]["ID"]
        assert uuid.UUID(given) and list(lenient.received) == [given]


@pytest.mark.parametrize(
    "name",
    ["id", "type", "pn", "sn", "rev", "processCode", "result", "machineName", "location", "purpose", "start", "root"],
)
def test_refuses_what_is_incomplete(server: WatsServer, name: str) -> None:
    """A strict server answers 400, names the field that is missing, and keeps nothing."""
    answer = _post(server, _report(**{name: None}))
    assert answer.status_code == 400
    assert name in answer.json()["Message"]
    assert not server.received


def test_start_in_utc_is_enough(server: WatsServer) -> None:
    """Either of start and startUTC will do."""
    assert _post(server, _report(start=None, startUTC="2026-02-13T08:00:00Z")).status_code == 200


def test_repair(server: WatsServer) -> None:
    """A repair report needs uur and no root."""
    assert _post(server, _report(type="R", root=None)).status_code == 400
    assert _post(server, _report(type="R", root=None, uur={"user": "x"})).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_refuses_what_is_no_report(server: WatsServer, body: bytes) -> None:
    """What is no JSON object is answered 400."""
    assert _post(server, body).status_code == 400


@pytest.mark.parametrize("token", ["===", "%%%", "b3RoZXI6b3RoZXI="])
def test_wants_its_token(token: str) -> None:
    """Without the right credentials the answer is 401 and nothing is kept."""
    with WatsServer(token=TOKEN) as server:
        assert _post(server, _report(), token=token).status_code == 401
        assert httpx.post(server.address + REPORT_PATH, json=_report(), timeout=PATIENCE_S).status_code == 401
        assert not server.received
        assert _post(server, _report()).status_code == 200


@pytest.mark.parametrize("status", [401, 403, 408, 409, 422, 429, 500, 503])
def test_answers_with_a_status(server: WatsServer, status: int) -> None:
    """A status that was asked for is answered once, nothing is kept, and the next request is treated properly."""
    server.fault = faults.in_turn([faults.answer(status)])
    assert _post(server, _report()).status_code == status
    assert not server.received
    assert _post(server, _report()).status_code == 200


@pytest.mark.parametrize(
    ("fault", "body"),
    [(faults.EMPTY, b""), (faults.NO_IDS, b"[]"), (faults.TEXT, b"Report received, thank you.")],
)
def test_confirms_nothing(server: WatsServer, fault: Fault, body: bytes) -> None:
    """A 200 without an id keeps nothing."""
    server.fault = faults.always(fault)
    answer = _post(server, _report())
    assert (answer.status_code, answer.content, server.received) == (200, body, {})


def test_login_page(server: WatsServer) -> None:
    """A redirect leads to a page that answers 200 and is no acceptance."""
    server.fault = faults.always(faults.LOGIN_PAGE)
    answer = _post(server, _report())
    assert answer.status_code == 302
    assert "log in" in httpx.get(server.address + answer.headers["Location"], timeout=PATIENCE_S).text
    assert not server.received


def test_wrong_id(server: WatsServer) -> None:
    """The id that comes back is not the report's."""
    server.fault = faults.always(faults.wrong_id())
    report = _report()
    assert _post(server, report).json()[0]["ID"] != report["id"]


@pytest.mark.parametrize(("fault", "kept"), [(faults.DROP_BEFORE_READING, 0), (faults.DROP_AFTER_ACCEPTING, 1)])
def test_drops(server: WatsServer, fault: Fault, kept: int) -> None:
    """A dropped connection is an error at the sender, whether the report was kept or not."""
    server.fault = faults.always(fault)
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        _post(server, _report())
    assert len(server.received) == kept


def test_hangs(server: WatsServer) -> None:
    """The report is kept while the sender runs out of patience."""
    server.fault = faults.always(faults.hang(30))
    with pytest.raises(httpx.ReadTimeout):
        _post(server, _report(), timeout=0.2)
    wait_for(lambda: len(server.received) == 1)


def test_stopping_ends_a_hang() -> None:
    """A server that hangs closes at once and leaves no thread."""
    server = WatsServer(fault=faults.always(faults.hang(600)))
    server.start()
    with pytest.raises(httpx.ReadTimeout):
        _post(server, _report(), timeout=0.1)
    begun = time.monotonic()
    server.close()
    assert time.monotonic() - begun < 60


def test_away_and_back(server: WatsServer) -> None:
    """A stopped server refuses connections, and comes back at the same address with what it had."""
    _post(server, _report())
    address = server.address
    server.stop()
    with pytest.raises(httpx.ConnectError):
        _post(server, _report())
    server.start()
    _post(server, _report())
    assert (server.address, len(server.received)) == (address, 2)


def test_keeps_connections_open(server: WatsServer) -> None:
    """One connection carries many requests, and closing the server does not wait for it."""
    headers = {"Authorization": f"Basic {TOKEN}"}
    with httpx.Client(base_url=server.address, headers=headers, timeout=PATIENCE_S) as client:
        ports = {_local_port(client.post(REPORT_PATH, content=json.dumps(_report()))) for _ in range(5)}
        assert len(ports) == 1
        server.stop()
    assert len(server.received) == 5


def _local_port(answer: httpx.Response) -> int:
    return int(answer.extensions["network_stream"].get_extra_info("client_addr")[1])


@pytest.mark.long
def test_many_senders(server: WatsServer) -> None:
    """Reports that come at the same time are all kept and counted."""
    reports = [_report() for _ in range(40)]
    threads = [threading.Thread(target=_post, args=(server, report)) for report in reports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(server.received) == {report["id"] for report in reports}
    assert server.requests == 40


def test_other_addresses(server: WatsServer) -> None:
    """What is not the address for reports is 404."""
    assert httpx.post(server.address + "/api/Report/WSXF", content=b"{}", timeout=PATIENCE_S).status_code == 404
    assert httpx.get(server.address + "/", timeout=PATIENCE_S).status_code == 404


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the port is free between the two")
def test_nobody_else_gets_its_port_while_it_stops_and_starts() -> None:
    """A report that is sent in between reaches no other server."""
    ended, taken = threading.Event(), list[int]()

    def grab(port: int) -> None:
        while not ended.is_set():
            with closing(socket.socket()) as other, suppress(OSError):
                other.bind(("127.0.0.1", port))
                taken.append(port)

    with WatsServer() as server:
        thread = threading.Thread(target=grab, args=(urlsplit(server.address).port,))
        thread.start()
        try:
            for _ in range(50):
                server.stop()
                server.start()
        finally:
            ended.set()
            thread.join()
    assert taken == []
