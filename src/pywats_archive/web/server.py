"""The process that serves the pages, until it is stopped."""

from __future__ import annotations

import logging
import socket
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import uvicorn

from pywats_archive.client import Client
from pywats_archive.errors import UsageError
from pywats_archive.portable.files import WINDOWS
from pywats_archive.web.access.door import Door
from pywats_archive.web.access.gate import Access
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.access.token import load_token
from pywats_archive.web.access.users import Users
from pywats_archive.web.app import create_app
from pywats_archive.web.jobs.running import Jobs
from pywats_archive.web.records import Records
from pywats_archive.web.settings import LOOPBACK, WebSettings
from pywats_archive.web.station import Station
from pywats_archive.web.verification import Verification

_STOP_S = 2


class PageServer:
    """The pages of one station; ``stop`` ends them, from a signal handler too."""

    def __init__(self, client: Client, settings: WebSettings, *, folder: Path) -> None:
        """Take the port; UsageError if it is taken. ``folder`` holds the token and the sessions."""
        token = load_token(folder)
        users = Users(folder)
        records = Records(lambda kind, actor, details: client.record_event(kind, actor=actor, details=details))
        access = Access(
            token=token,
            sessions=Sessions(folder, length=settings.session_length, idle=settings.session_idle),
            users=users,
            door=Door(users, records),
            records=records,
            cookie=f"pywats-archive-{uuid5(NAMESPACE_URL, str(folder)).hex[:8]}",
            owner=client.actor,
        )
        self._records = records
        self._verification = Verification(client.verify, client.count_files)
        self._jobs = Jobs()
        station = Station(
            client=client,
            access=access,
            name=socket.gethostname(),
            verification=self._verification,
            jobs=self._jobs,
            is_stopping=lambda: self._server.should_exit,
        )
        config = uvicorn.Config(
            create_app(station, settings),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever asks could choose the address that is counted
            timeout_graceful_shutdown=_STOP_S,
        )
        self._server = _Server(config)
        self._listener = _listening(settings.port)
        port = self._listener.getsockname()[1]
        self.address = f"http://{LOOPBACK}:{port}"
        """The address, without the token."""
        self.sign_in = f"{self.address}/sign-in?token={quote(token)}"
        """The address that signs in."""

    def serve(self) -> None:
        """Serve until ``stop`` is called."""
        with self._listener, closing(self._records), closing(self._verification), closing(self._jobs):
            self._server.run(sockets=[self._listener])

    def stop(self) -> bool:
        """End the pages; answers in progress have two seconds. True if this was asked before."""
        is_again = self._server.should_exit
        self._server.should_exit = True
        return is_again


class _Server(uvicorn.Server):
    """Without uvicorn's signal handlers, which would raise each signal again once the server has ended."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without a word about the answers that are cut off: somebody has asked for the end."""
        logging.getLogger("uvicorn.error").addFilter(lambda _: False)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        if WINDOWS:  # there, SO_REUSEADDR lets another program take the same port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
    except OSError as exc:
        listener.close()
        raise UsageError(f"port {port}: cannot be used ({exc.strerror}); choose another one with --port") from exc
    listener.listen()
    return listener
