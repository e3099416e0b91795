"""The process that serves the pages, until it is stopped."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import uvicorn

from pywats_archive.client import Client
from pywats_archive.client.vault.holding import with_cache
from pywats_archive.errors import ConfigError
from pywats_archive.portable.event_log import warn
from pywats_archive.web.access.door import Door
from pywats_archive.web.access.gate import Access
from pywats_archive.web.access.records import Records
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.access.token import load_token
from pywats_archive.web.access.users import Users
from pywats_archive.web.app import create_app
from pywats_archive.web.connections import PatientConnection
from pywats_archive.web.jobs.running import Jobs
from pywats_archive.web.network import Renewal, listening, require_safe, tls_of
from pywats_archive.web.settings import WebSettings
from pywats_archive.web.station import Station
from pywats_archive.web.verification import Verification

_STOP_S = 2
_LOOK_S = 1
"""The seconds between two looks at the files of the certificate."""
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why the system gives no further connection."""


class PageServer:
    """The pages of one station; ``stop`` ends them, from a signal handler too."""

    def __init__(self, client: Client, settings: WebSettings, *, folder: Path) -> None:
        """Take the port; UsageError if it is taken, or if the network could reach pages without HTTPS or users.

        ``folder`` holds the token, the users and the sessions.
        """
        users = Users(folder)
        require_safe(settings, users)
        self._renewal = Renewal(settings)
        self._tls = tls = tls_of(settings)
        token = load_token(folder) if settings.is_local else None
        records = Records(lambda kind, actor, details: client.record_event(kind, actor=actor, details=details))
        station_id = uuid5(NAMESPACE_URL, str(folder)).hex[:8]
        access = Access(
            token=token,
            sessions=Sessions(folder, length=settings.session_length, idle=settings.session_idle),
            users=users,
            door=Door(users, records),
            records=records,
            cookie=f"{'__Host-' if tls else ''}pywats-archive-{station_id}",
            owner=client.actor.removeprefix("os:"),
            is_secure=tls is not None,
        )
        self._records = records
        self._verification = Verification(client.verify, client.count_files)
        self._jobs = Jobs()
        client, self._cache = with_cache(client)
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
            http=PatientConnection,
            log_config=None,
            log_level="error",  # whoever sends nonsense would fill the log
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever asks could choose the address that is counted
            timeout_graceful_shutdown=_STOP_S,
            ssl_context_factory=(lambda *_: tls.context) if tls else None,
            callback_notify=self._renew if tls else None,
            timeout_notify=_LOOK_S,
        )
        self._server = _Server(config)
        self._listener = listening(settings)
        port = self._listener.getsockname()[1]
        self.address = f"{'https' if tls else 'http'}://{settings.shown_name}:{port}"
        """The address, without the token."""
        self.sign_in = f"{self.address}/sign-in" + (f"?token={quote(token)}" if token else "")
        """The address that signs in; on the network, the page where users do."""

    def serve(self) -> None:
        """Serve until ``stop`` is called."""
        with (
            self._listener,
            closing(self._cache),
            closing(self._records),
            closing(self._verification),
            closing(self._jobs),
        ):
            self._server.run(sockets=[self._listener])

    def reload(self) -> None:
        """Use a renewed certificate; if it cannot be used, the earlier one stays, with a warning."""
        if self._tls:
            try:
                self._tls.renew()
            except ConfigError as exc:
                warn("web.certificate_rejected", reason=str(exc))

    async def _renew(self) -> None:
        if await asyncio.to_thread(self._renewal.is_due):
            await asyncio.to_thread(self.reload)

    def stop(self) -> bool:
        """End the pages; answers in progress have two seconds. True if this was asked before."""
        is_again = self._server.should_exit
        self._server.should_exit = True
        return is_again


class _Server(uvicorn.Server):
    """Without uvicorn's signal handlers, which would raise each signal again once the server has ended."""

    _is_warned = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; that there are too many connections is one warning, not thousands of tracebacks."""
        asyncio.get_running_loop().set_exception_handler(self._note)
        await super().startup(sockets)

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if self.should_exit and isinstance(error, ValueError):
            return  # after too many connections, asyncio accepts again a second later, on a port that is closed by now
        if not (isinstance(error, OSError) and error.errno in _NO_MORE):
            loop.default_exception_handler(context)
        elif not self._is_warned:
            self._is_warned = True
            warn("web.too_many_connections", reason=error.strerror)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without a word about the answers that are cut off: somebody has asked for the end."""
        logging.getLogger("uvicorn.error").addFilter(lambda _: False)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
