"""The process that serves the pages, until it is stopped."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import uvicorn
from starlette.types import ASGIApp

from pywats_archive.errors import ConfigError
from pywats_archive.portable.event_log import warn
from pywats_archive.web.access.door import Door
from pywats_archive.web.access.gate import Access
from pywats_archive.web.access.records import Records
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.access.token import load_token
from pywats_archive.web.access.users import Users
from pywats_archive.web.connections import PatientConnection
from pywats_archive.web.network import Renewal, listening, require_safe, tls_of
from pywats_archive.web.settings import WebSettings

_STOP_S = 2
_LOOK_S = 1
"""The seconds between two looks at the files of the certificate."""
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why the system gives no further connection."""


class Closable(Protocol):
    """What ends with the pages."""

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """An application, and what is closed, in this order, when its pages end."""

    app: ASGIApp
    closed: tuple[Closable, ...] = ()


Create = Callable[[Access, Callable[[], bool]], Served]
"""Makes the application for those who have access; the second argument says whether the pages are about to end."""


class PageServer:
    """Pages at a port; ``stop`` ends them, from a signal handler too."""

    def __init__(self, create: Create, records: Records, settings: WebSettings, *, folder: Path, owner: str) -> None:
        """Take the port; UsageError if it is taken, or if the network could reach pages without HTTPS or users.

        ``folder`` holds the token, the users and the sessions; ``owner`` is the name of whoever has the token.
        """
        users = Users(folder)
        require_safe(settings, users)
        self._renewal = Renewal(settings)
        self._tls = tls = tls_of(settings)
        token = load_token(folder) if settings.is_local else None
        folder_id = uuid5(NAMESPACE_URL, str(folder)).hex[:8]
        access = Access(
            token=token,
            sessions=Sessions(folder, length=settings.session_length, idle=settings.session_idle),
            users=users,
            door=Door(users, records),
            records=records,
            cookie=f"{'__Host-' if tls else ''}pywats-archive-{folder_id}",
            owner=owner,
            is_secure=tls is not None,
        )
        served = create(access, lambda: self._server.should_exit)
        self._closed = (*served.closed, records)
        config = uvicorn.Config(
            served.app,
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
        with self._listener, ExitStack() as stack:
            for each in reversed(self._closed):
                stack.callback(each.close)
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
