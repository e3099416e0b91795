"""Connections of strangers who send nothing, or nothing whole: the pages answer everybody else."""

from __future__ import annotations

import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tests.filled import fill
from tests.station import PATIENCE_S, wait_for
from tests.web_server import spawning

from pywats_archive.portable.files import WINDOWS
from pywats_archive.web.connections import PatientConnection

_FILES = 256
BEGUN = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    "half a body": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nname=",
}


class _Impatient(PatientConnection):
    """Its limit is short only while nothing more is to arrive, so that a slow machine breaks off no request of the test."""


@contextmanager
def listening(protocol: type[PatientConnection]) -> Iterator[int]:
    """Serve one page, and yield the port."""
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"), methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.skipif(WINDOWS, reason="has no limit of open files for a process")
def test_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    """Also when there are more of them than files that the process may open."""
    fill(tmp_path)
    words = [sys.executable, "-m", "pywats_archive", "web", "--port", "0", "--archive", str(tmp_path / "archive")]
    with spawning(["sh", "-c", f"ulimit -n {_FILES}; exec {shlex.join(words)}"]) as served, ExitStack() as opened:
        place = ("127.0.0.1", int(served.address.rpartition(":")[2]))
        for number in range(_FILES * 2):
            silent = opened.enter_context(socket.create_connection(place))
            silent.sendall(list(BEGUN.values())[number % len(BEGUN)])
        assert httpx.get(f"{served.address}/sign-in", timeout=PATIENCE_S).status_code == 200
        with served.api() as program:
            assert program.get("/api/v1/entries").status_code == 200


@pytest.mark.parametrize("begun", BEGUN.values(), ids=list(BEGUN))
def test_a_request_that_does_not_arrive_ends(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    """The first one of a connection, and a later one."""
    whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with listening(_Impatient) as port:
        for before in (b"", whole):
            monkeypatch.setattr(_Impatient, "patience_s", PATIENCE_S if before else 0.1)
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as slow:
                if before:
                    slow.sendall(before)
                    wait_for(lambda one=slow: one.recv(65536).endswith(b"here"))  # type: ignore[misc]
                    monkeypatch.setattr(_Impatient, "patience_s", 0.1)
                with suppress(ConnectionError):
                    slow.sendall(begun)
                    while slow.recv(65536):
                        pass
        monkeypatch.setattr(_Impatient, "patience_s", PATIENCE_S)
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S).text == "here"
