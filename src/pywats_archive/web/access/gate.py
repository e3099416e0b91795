"""The gate: every request passes it before any route, and every answer after."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pywats_archive.errors import ConfigError
from pywats_archive.portable.event_log import warn
from pywats_archive.web.access.door import Door
from pywats_archive.web.access.guard import HEADERS, SECURE_HEADERS, is_from_here, is_known_host
from pywats_archive.web.access.records import Records
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.sessions import Session, Sessions
from pywats_archive.web.access.users import Users
from pywats_archive.web.problems import problem

_MOST_BYTES = 1_000_000
"""Of a request; a form has a few thousand, and a stranger may send one to the sign-in."""
_OPEN = ("/sign-in", "/static/")
"""Paths that nobody needs to sign in for."""


STATION = "token:station"
"""The actor for the station's token, which names no person."""


def person_actor(name: str) -> str:
    """Return the history's name for a user who signed in."""
    return f"web:{name}"


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever asks."""

    name: str
    """The name that the pages show."""
    role: Role
    actor: str
    """The name that the history has: ``web:USER``, ``token:USER/TOKEN`` or ``token:station``."""
    has_account: bool = True
    """False for whoever has the station's token."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """The means by which the station knows who asks."""

    token: str | None
    """The station's token; None where it signs nobody in."""
    sessions: Sessions
    users: Users
    door: Door
    records: Records
    cookie: str
    """Cookies know no port: the name has the station's own id."""
    owner: str
    """The name of whoever has the station's token."""
    is_secure: bool = False
    """Whether the pages are served with HTTPS."""

    @cached_property
    def token_mark(self) -> str:
        """What marks the sessions of this token: with another one, they have ended."""
        return hashlib.sha256((self.token or "").encode()).hexdigest()[:16]

    def is_token(self, given: str) -> bool:
        """Compare with the station's token, in constant time."""
        return self.token is not None and hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def person_of(self, headers: Headers, address: str) -> Person | None:
        """Return who asks; None if nobody is signed in."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._with_token(given.strip(), address)
        found = (self._with_session(self.sessions.use(secret)) for secret in self.secrets_of(headers))
        return next(filter(None, found), None)

    def secrets_of(self, headers: Headers) -> list[str]:
        """Return what the browser's cookies of this name hold; cookies of other programs on this computer come along."""
        pairs = (each.strip().partition("=") for each in headers.get("cookie", "").split(";"))
        return [value for name, _, value in pairs if name == self.cookie]

    def _with_token(self, given: str, address: str) -> Person | None:
        if self.is_token(given):
            person = Person(self.owner, Role.ADMIN, STATION, has_account=False)
        elif found := self.users.with_token(given):
            user, token = found
            person = Person(user.name, user.role, f"token:{user.name}/{token.name}")
        else:
            self.records.refused("user.refused", f"token {address}", address=address, by="token")
            return None
        self.records.used("token.used", address, actor=person.actor, address=address)
        return person

    def _with_session(self, session: Session | None) -> Person | None:
        if session is None:
            return None
        if not session.mark:
            is_current = self.token is not None and session.token_mark == self.token_mark
            return Person(session.user, Role.ADMIN, STATION, has_account=False) if is_current else None
        user = self.users.find(session.user)
        if user is None or user.mark != session.mark:
            return None
        return Person(user.name, user.role, person_actor(user.name))


class Gate:
    """ASGI middleware: refuses foreign hosts, foreign origins and strangers, and adds the security headers."""

    def __init__(self, app: ASGIApp, *, access: Access, host_names: Collection[str]) -> None:
        self._app = app
        self._access = access
        self._host_names = host_names
        self._trouble = ""
        self._headers = HEADERS | (SECURE_HEADERS if access.is_secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            refusal = await run_in_threadpool(self._refusal, scope)
        except ConfigError as exc:
            refusal = self._unknowing(str(exc))
        await (refusal or self._app)(scope, receive, _guarded(send, self._headers))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, path = Headers(scope=scope), scope["path"]
        if not is_known_host(headers.get("host", ""), self._host_names):
            self._note(scope, "host")
            return problem(421, "this server is not known under this name", "use the address that the command printed")
        if not is_from_here(scope["method"], headers):
            self._note(scope, "site")
            return problem(403, "the request comes from another site", "use the pages of this station")
        if (length := headers.get("content-length", "0")) and not (length.isdecimal() and int(length) <= _MOST_BYTES):
            return problem(413, "the request is too large", f"send at most {_MOST_BYTES:,} bytes")
        if "transfer-encoding" in headers:
            return problem(411, "the request does not say its length", "send a Content-Length")
        person = self._access.person_of(headers, address_of(scope))
        scope.setdefault("state", {}).update(person=person, access=self._access)
        if person is not None or path.startswith(_OPEN):
            return None
        if path.startswith("/api/"):
            if "authorization" not in headers:  # a wrong token is on record as such
                self._note(scope, "nobody")
            return problem(401, "nobody is signed in", "send a token as 'Authorization: Bearer TOKEN'")
        wanted = _place(scope) if scope["method"] == "GET" else "/"
        return RedirectResponse(f"/sign-in?{urlencode({'to': wanted})}" if wanted != "/" else "/sign-in", 303)

    def _note(self, scope: Scope, reason: str) -> None:
        address = address_of(scope)
        self._access.records.refused("request.refused", f"{reason} {address}", address=address, reason=reason)

    def _unknowing(self, reason: str) -> Response:
        """Refuse while the users or the sessions cannot be read; a stranger learns no path, and the log has it once."""
        if reason != self._trouble:
            warn("access.unreadable", reason=reason)
        self._trouble = reason
        return problem(
            503, "nobody can be let in: the users or the sessions cannot be read", "the log of the pages has the reason"
        )


def address_of(scope: Scope | HTTPConnection) -> str:
    """Return the network address that a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _place(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{quote(scope['path'])}{'?' if query else ''}{query}"


def _guarded(send: Send, added: Mapping[str, str]) -> Callable[[Message], Awaitable[Any]]:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in added.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded
