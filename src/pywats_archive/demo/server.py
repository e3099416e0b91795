"""A simulated WATS server on loopback, for the demo, the tests and the benchmarks.

It is not WATS: it accepts reports at the one address that pyWATS posts them to, checks the fields that WATS requires, and
forgets everything when it ends. Its answers say so in their ``Server`` header.
"""

from __future__ import annotations

import os
import socket
import socketserver
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from pywats_archive.demo.faults import LOGIN_PATH, FaultPlan, Reply
from pywats_archive.demo.reception import Reception

REPORT_PATH = "/api/Report/WSJF"
LOOKUP_PATH = "/api/report/wsjf/"
VERSION_PATH = "/api/app/version"
SOFTWARE = "pywats-archive demo (simulated WATS)"
_HOST = "127.0.0.1"
_POLL_S = 0.02


class WatsServer:
    """A simulated WATS server; a context manager that listens from entry to exit.

    ``token`` is the only one it accepts (base64 of user:password); None accepts any. ``strict`` refuses a report that lacks
    a field which WATS requires. ``fault`` may be set at any time.
    """

    def __init__(self, *, token: str | None = None, strict: bool = False, fault: FaultPlan | None = None) -> None:
        self.fault = fault
        self._reception = Reception(token=token, strict=strict)
        self._requests = 0
        self._lookups = 0
        self._mutex = threading.Lock()
        self._port = 0
        self._reserved: socket.socket | None = None
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Return the base URL; the port is chosen at the first start and stays the same."""
        return f"http://{_HOST}:{self._port}"

    @property
    def received(self) -> dict[str, list[bytes]]:
        """Return a copy of the accepted bodies by report id, in the order of arrival."""
        return self._reception.received

    @property
    def requests(self) -> int:
        """Count the report requests so far, however they ended."""
        return self._requests

    @property
    def lookups(self) -> int:
        """Count how often a report was asked for by its id."""
        return self._lookups

    def start(self) -> None:
        """Listen; after ``stop``, on the same port again."""
        if self._listener is not None:
            return
        if not _REUSES_ADDRESS:
            self._release_port()
        self._listener = _Listener(self, self._port)
        self._release_port()
        self._port = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(_POLL_S,), name="wats")
        self._thread.start()

    def stop(self) -> None:
        """Close all connections and refuse new ones, but keep the port; returns when no thread is left."""
        listener, self._listener = self._listener, None
        if listener is None or self._thread is None:
            return
        listener.shutdown()
        listener.hang_up()
        if _REUSES_ADDRESS:  # no other program gets the port between the two
            listener.refuse()
            self._reserved = _bound(self._port)
        listener.server_close()
        self._thread.join()
        self._reserved = self._reserved or _bound(self._port)

    def close(self) -> None:
        """Stop, and release the port; idempotent."""
        self.stop()
        self._release_port()

    def _release_port(self) -> None:
        if self._reserved:
            self._reserved.close()
            self._reserved = None

    def __enter__(self) -> WatsServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def handle(self, request: _Request) -> Reply | None:
        """Handle one report request; None closes the connection."""
        with self._mutex:
            self._requests += 1
            number = self._requests
        fault = self.fault(number) if self.fault else None
        if fault is None:
            return self._reception.take(request.read_body(), request.authorization)
        if not fault.reads:
            return None
        due = self._reception.take(request.read_body(), request.authorization, stores=fault.stores)
        request.listener.closing.wait(fault.hang_s)
        return None if fault.hangs_up else fault.reply or due

    def look_up(self, report_id: str, authorization: str) -> Reply:
        """Answer a request for a report by its id."""
        with self._mutex:
            self._lookups += 1
        return self._reception.look_up(report_id, authorization)

    def tell_version(self, authorization: str) -> Reply:
        """Answer a request for the server's version."""
        return self._reception.tell_version(authorization)


_REUSES_ADDRESS = os.name == "posix"
"""Elsewhere that would let two programs listen on one port."""


def _bound(port: int) -> socket.socket | None:
    """Hold a port without listening, so that connections are refused and nobody else gets it; None if it is taken."""
    taken = socket.socket()
    if _REUSES_ADDRESS:  # connections that it had may linger
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((_HOST, port))
    except OSError:
        taken.close()
        return None
    return taken


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = _REUSES_ADDRESS
    request_queue_size = 128

    def __init__(self, wats: WatsServer, port: int) -> None:
        self.wats = wats
        self.closing = threading.Event()
        self._connections: set[Any] = set()
        self._mutex = threading.Lock()
        super().__init__((_HOST, port), _Request)

    def server_bind(self) -> None:
        """Bind without asking the name service for this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._mutex:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._mutex:
            self._connections.discard(request)
            super().shutdown_request(request)

    def refuse(self) -> None:
        """Refuse new connections, but keep the port."""
        _shut(self.socket)

    def hang_up(self) -> None:
        """End every open connection, so that the threads that read from them end too."""
        self.closing.set()
        with self._mutex:
            for connection in self._connections:
                _shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnected."""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 16
    wbufsize = -1

    @property
    def listener(self) -> _Listener:
        assert isinstance(self.server, _Listener)
        return self.server

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_POST(self) -> None:
        if self.path.partition("?")[0] != REPORT_PATH:
            self.read_body()
            self._send(_not_found(self.path))
            return
        reply = self.listener.wats.handle(self)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.lower().startswith(LOOKUP_PATH):
            self._send(self.listener.wats.look_up(path[len(LOOKUP_PATH) :], self.authorization))
        elif path.lower() == VERSION_PATH:
            self._send(self.listener.wats.tell_version(self.authorization))
        else:
            self._send(_LOGIN if path == LOGIN_PATH else _not_found(self.path))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        if not reply.byte_every_s:
            self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.location:
            self.send_header("Location", reply.location)
        if reply.status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="simulated WATS"')
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.byte_every_s:
            self._trickle(reply)

    def _trickle(self, reply: Reply) -> None:
        """Send the body over and over, until nobody reads or the server closes."""
        self.close_connection = True
        while not self.listener.closing.wait(reply.byte_every_s):
            self.wfile.write(reply.body)
            self.wfile.flush()

    def handle_expect_100(self) -> bool:
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def version_string(self) -> str:
        return SOFTWARE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's name)
        pass


_LOGIN = Reply(status=200, body=b"<html><body>Please log in (simulated WATS)</body></html>", content_type="text/html")


def _not_found(path: str) -> Reply:
    return Reply(status=404, body=f"no such page on this simulated WATS: {path}".encode(), content_type="text/plain")
