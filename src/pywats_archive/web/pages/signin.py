"""Sign in with the station's token, and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action
from pywats_archive.web.pages.rendering import page
from pywats_archive.web.station import station_of

router = APIRouter(include_in_schema=False)


@router.get("/sign-in", dependencies=[needs(Action.SIGN_IN)])
def ask(request: Request, token: str = "") -> Response:
    """Show the form; with the token in the address, as the command prints it, sign in at once."""
    return _signed_in(request, token) if token else page(request, "signin.html", is_wrong=False)


@router.post("/sign-in", dependencies=[needs(Action.SIGN_IN)])
def answer(request: Request, token: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Sign in."""
    return _signed_in(request, token)


@router.post("/sign-out", dependencies=[needs(Action.OWN_ACCOUNT)])
def leave(request: Request) -> Response:
    """Sign out."""
    access = station_of(request).access
    for secret in access.secrets_of(request.headers):
        access.sessions.end(secret)
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(access.cookie, httponly=True, samesite="lax")
    return response


def _signed_in(request: Request, token: str) -> Response:
    access = station_of(request).access
    if not access.is_token(token.strip()):
        return page(request, "signin.html", code=403, is_wrong=True)
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(access.cookie, access.sessions.begin(access.owner), httponly=True, samesite="lax")
    return response
