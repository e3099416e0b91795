"""A proxy on loopback that passes requests on to a server, and does to some of them what networks and servers do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_TIMEOUT_S = 60
_OF_ONE_CONNECTION = ("connection", "transfer-encoding", "content-length", "date", "server")
"""Headers of an answer that the proxy writes itself."""


class Trouble(Enum):
    """What happens to a request; the value is the status and the code of the answer, as S3 gives them."""

    BUSY = (503, "SlowDown")
    REFUSED = (403, "AccessDenied")
    LOST = (0, "the request never arrives")
    ANSWER_LOST = (0, "the server does what it was asked to, and the answer never arrives")


Plan = Callable[[str, str], Trouble | None]
"""Decides by the method and the path of a request; None passes it on."""


class FlakyProxy:
    """Listens from entry to exit; ``plan`` may be set at any time."""

    def __init__(self, server: str, plan: Plan | None = None) -> None:
        self.plan = plan
        self._listener = _Listener(("127.0.0.1", 0), _Request)
        self._listener.proxy = self
        self._server = urlsplit(server).netloc
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="flaky")

    @property
    def address(self) -> str:
        """The URL to use instead of the server's."""
        return f"http://127.0.0.1:{self._listener.server_port}"

    def trouble_of(self, method: str, path: str) -> Trouble | None:
        """Decide what happens to a request."""
        return self.plan(method, path) if self.plan else None

    def answer(self, request: _Request, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Let the server answer a request as it came: its signature covers the name of the host."""
        connection = HTTPConnection(self._server, timeout=_TIMEOUT_S)
        try:
            connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            got = connection.getresponse()
            return got.status, got.getheaders(), got.read()
        finally:
            connection.close()

    def __enter__(self) -> FlakyProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FlakyProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnected."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def pass_on(self) -> None:
        """Answer as the server does, or not."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        trouble = self.server.proxy.trouble_of(self.command, self.path)
        if trouble in (Trouble.BUSY, Trouble.REFUSED):
            status, code = trouble.value
            self._say(status, [], f"<Error><Code>{code}</Code></Error>".encode())
            return
        answer = None
        if trouble is not Trouble.LOST:
            with suppress(OSError, HTTPException):
                answer = self.server.proxy.answer(self, body)
        if answer is None or trouble is Trouble.ANSWER_LOST:
            self.close_connection = True
        else:
            self._say(*answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 (named by http.server)

    def _say(self, status: int, headers: Iterable[tuple[str, str]], content: bytes) -> None:
        known = {name.lower(): value for name, value in headers}
        size = known.get("content-length", "0") if self.command == "HEAD" else str(len(content))
        self.send_response(status)
        for name, value in known.items():
            if name not in _OF_ONE_CONNECTION:
                self.send_header(name, value)
        self.send_header("content-length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
