"""The gate: every request passes it before any route, and every answer after."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pywats_archive.web.access.guard import HEADERS, is_from_here, is_known_host
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.problems import problem

_MOST_BYTES = 1_000_000
"""Of a request; a form has a few thousand, and a stranger may send one to the sign-in."""
_OPEN = ("/sign-in", "/static/")
"""Paths that nobody needs to sign in for."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever asks."""

    name: str
    """The name that the history has."""
    role: Role


@dataclass(frozen=True, kw_only=True)
class Access:
    """The means by which the station knows who asks."""

    token: str
    sessions: Sessions
    cookie: str
    """Cookies know no port: the name has the station's own id."""
    owner: str
    """The name of whoever has the station's token."""

    def is_token(self, given: str) -> bool:
        """Compare with the station's token, in constant time."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def person_of(self, headers: Headers) -> Person | None:
        """Return who asks; None if nobody is signed in."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return Person(self.owner, Role.ADMIN) if self.is_token(given.strip()) else None
        found = (self.sessions.find(secret) for secret in self.secrets_of(headers))
        return next((Person(session.user, Role.ADMIN) for session in found if session), None)

    def secrets_of(self, headers: Headers) -> list[str]:
        """Return what the browser's cookies of this name hold; cookies of other programs on this computer come along."""
        pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
        return [value for name, _, value in pairs if name == self.cookie]


class Gate:
    """ASGI middleware: refuses foreign hosts, foreign origins and strangers, and adds the security headers."""

    def __init__(self, app: ASGIApp, *, access: Access, host_names: Collection[str]) -> None:
        self._app = app
        self._access = access
        self._host_names = host_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, _guarded(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if not is_known_host(headers.get("host", ""), self._host_names):
            return problem(421, "this server is not known under this name", "use the address that the command printed")
        if not is_from_here(scope["method"], headers):
            return problem(403, "the request comes from another site", "use the pages of this station")
        if (length := headers.get("content-length", "0")) and not (length.isdecimal() and int(length) <= _MOST_BYTES):
            return problem(413, "the request is too large", f"send at most {_MOST_BYTES:,} bytes")
        if "transfer-encoding" in headers:
            return problem(411, "the request does not say its length", "send a Content-Length")
        person = self._access.person_of(headers)
        scope.setdefault("state", {})["person"] = person
        if person is not None or path.startswith(_OPEN):
            return None
        if path.startswith("/api/") or scope["method"] != "GET":
            return problem(401, "nobody is signed in", "send the station's token as 'Authorization: Bearer TOKEN'")
        return RedirectResponse("/sign-in", status_code=303)


def _guarded(send: Send) -> Callable[[Message], Awaitable[Any]]:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
