"""Sign in with a name and a password, or with the token of these pages, and out."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.web.access.door import Refused
from pywats_archive.web.access.gate import STATION, Access, address_of, person_actor
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.frame.site import site_of
from pywats_archive.words.times import duration

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What somebody typed to sign in."""

    name: str = ""
    to: str = ""
    """The page that was wanted."""


@router.get("/sign-in", dependencies=[needs(Action.SIGN_IN)])
def ask(request: Request, token: str = "", to: str = "") -> Response:
    """Show the form; with the token in the address, as the command prints it, sign in at once."""
    tried = Tried(to=to)
    return _with_token(request, token, tried) if token else _form(request, tried)


@router.post("/sign-in", dependencies=[needs(Action.SIGN_IN)])
def answer(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    token: Annotated[str, Form(max_length=1000)] = "",
    to: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Sign in."""
    tried = Tried(name=name, to=to)
    if token:
        return _with_token(request, token, tried)
    access, address = site_of(request).access, address_of(request)
    user = access.door.enter(name, password, address=address)
    if isinstance(user, Refused):
        return _refused(request, tried, user)
    access.records.used("user.signed_in", address, actor=person_actor(user.name), address=address, by="password")
    return _signed_in(request, access, access.sessions.begin(user.name, address=address, mark=user.mark), to)


@router.post("/sign-out", dependencies=[needs(Action.OWN_ACCOUNT)])
def leave(request: Request) -> Response:
    """Sign out."""
    access = site_of(request).access
    ended = [access.sessions.end(secret) for secret in access.secrets_of(request.headers)]
    for session in filter(None, ended):
        actor = person_actor(session.user) if session.mark else STATION
        access.records.note("user.signed_out", actor, address=address_of(request))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(access.cookie, httponly=True, samesite="lax", secure=access.is_secure)
    return response


def _with_token(request: Request, token: str, tried: Tried) -> Response:
    access, address = site_of(request).access, address_of(request)
    if not access.is_token(token.strip()):
        access.records.refused("user.refused", f"token {address}", address=address, by="token")
        return _form(request, tried, code=403, wrong=f"This is not the token of this {site_of(request).KIND}.")
    access.records.used("user.signed_in", address, actor=STATION, address=address, by="token")
    secret = access.sessions.begin(access.owner, address=address, token_mark=access.token_mark)
    return _signed_in(request, access, secret, tried.to)


def _signed_in(request: Request, access: Access, secret: str, to: str) -> Response:
    for before in access.secrets_of(request.headers):
        access.sessions.end(before)
    response = RedirectResponse(_own_place(to), status_code=303)
    response.set_cookie(access.cookie, secret, httponly=True, samesite="lax", secure=access.is_secure)
    return response


def _refused(request: Request, tried: Tried, refused: Refused) -> Response:
    if not refused.wait:
        return _form(request, tried, code=403, wrong="The name or the password is wrong.")
    seconds = ceil(refused.wait.total_seconds())
    wrong = f"Too many wrong passwords. Try again in {duration(seconds * 1000)}."
    response = _form(request, tried, code=429, wrong=wrong)
    response.headers["retry-after"] = str(seconds)
    return response


def _form(request: Request, tried: Tried, *, code: int = 200, wrong: str = "") -> Response:
    access = site_of(request).access
    return page(
        request,
        "signin.html",
        code=code,
        tried=tried,
        wrong=wrong,
        has_users=bool(access.users.all()),
        takes_token=access.token is not None,
    )


def _own_place(to: str) -> str:
    """Return the page that was wanted, if it is one of these pages."""
    is_own = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isascii() and to.isprintable()
    return to if is_own and not to.startswith(("/api/", "/sign-")) else "/"
