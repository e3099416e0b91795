"""The pages Users, one user, and the own account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from pywats_archive.errors import UsageError
from pywats_archive.web.access.door import Refused
from pywats_archive.web.access.gate import address_of
from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.passwords import LONGEST, SHORTEST
from pywats_archive.web.access.roles import Action, Role, may
from pywats_archive.web.access.users import MOST_DAYS
from pywats_archive.web.frame.rendering import page
from pywats_archive.web.station import station_of
from pywats_archive.web.users.accounts import TOKEN_DAYS, Accounts
from pywats_archive.web.users.api import accounts_of

router = APIRouter(include_in_schema=False, dependencies=[needs(Action.USERS)])
own = APIRouter(include_in_schema=False, dependencies=[needs(Action.OWN_ACCOUNT)])
Name = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=LONGEST)]
_ROLES = {
    Role.VIEWER: "reads entries, reports and figures",
    Role.OPERATOR: "also restores, holds, checks, replays and acknowledges",
    Role.ADMIN: "also changes policies and settings, purges, and manages users",
}
_LIMITS = {"shortest": SHORTEST, "longest": LONGEST, "most_days": MOST_DAYS, "token_days": TOKEN_DAYS}


@router.get("/users")
def users(request: Request) -> Response:
    """Show all users, and the form of a new one."""
    return _users(request)


@router.post("/users")
def add(
    request: Request, name: Name = "", role: Annotated[Role, Form()] = Role.VIEWER, password: Password = ""
) -> Response:
    """Add a user."""
    try:
        accounts_of(request).add(name, password, role)
    except UsageError as exc:
        return _users(request, wrong=str(exc), name=name, role=role)
    return RedirectResponse("/users", status_code=303)


@router.get("/users/{name}")
def user(request: Request, name: str) -> Response:
    """Show a user."""
    return _user(request, name)


@router.post("/users/{name}/role")
def set_role(request: Request, name: str, role: Annotated[Role, Form()]) -> Response:
    """Change a role."""
    return _change(request, name, lambda accounts: accounts.set_role(name, role))


@router.post("/users/{name}/password")
def set_password(request: Request, name: str, password: Password = "") -> Response:
    """Set a password."""
    return _change(request, name, lambda accounts: accounts.set_password(name, password))


@router.post("/users/{name}/remove")
def remove(request: Request, name: str) -> Response:
    """Remove a user."""
    try:
        accounts_of(request).remove(name)
    except UsageError as exc:
        return _user(request, name, wrong=str(exc))
    return RedirectResponse("/users", status_code=303)


@router.post("/users/{name}/sessions/end")
def end_sessions(request: Request, name: str, session_id: Name = "") -> Response:
    """End all sessions of a user, or one."""
    return _change(request, name, lambda accounts: accounts.end_sessions(name, session_id or None))


@router.post("/users/{name}/tokens")
def add_token(request: Request, name: str, token: Name = "", days: Annotated[int, Form()] = TOKEN_DAYS) -> Response:
    """Make a token, and show it: the answer itself has it, since it is kept nowhere."""
    try:
        made, secret = accounts_of(request).add_token(name, token, days=days)
    except UsageError as exc:
        return _user(request, name, wrong=str(exc))
    return _user(request, name, made=made, secret=secret)


@router.post("/users/{name}/tokens/revoke")
def revoke_token(request: Request, name: str, token: Name = "") -> Response:
    """Revoke a token."""
    return _change(request, name, lambda accounts: accounts.revoke_token(name, token))


@own.get("/account")
def account(request: Request) -> Response:
    """Show who is signed in, and the form of a new password."""
    return _account(request)


@own.post("/account/password")
def change_password(request: Request, password: Password = "", old: Password = "") -> Response:
    """Change the own password; all other sessions end."""
    access, person, address = station_of(request).access, request.state.person, address_of(request)
    if not person.has_account:
        raise UsageError("the station's token has no password; sign in with a name")
    if not old:
        return _account(request, wrong="Write the old password too.")
    user = access.door.enter(person.name, old, address=address)
    if isinstance(user, Refused):
        return _account(
            request, wrong="The old password is wrong." if not user.wait else "Too many wrong passwords; wait."
        )
    try:
        accounts_of(request).set_password(person.name, password)
    except UsageError as exc:
        return _account(request, wrong=str(exc))
    response = RedirectResponse("/account", status_code=303)
    secret = access.sessions.begin(user.name, address=address, mark=access.users.get(user.name).mark)
    response.set_cookie(access.cookie, secret, httponly=True, samesite="lax", secure=access.is_secure)
    return response


def _change(request: Request, name: str, change: Callable[[Accounts], object]) -> Response:
    try:
        change(accounts_of(request))
    except UsageError as exc:
        return _user(request, name, wrong=str(exc))
    may_stay = may(_role_now(request), Action.USERS)
    return RedirectResponse(f"/users/{quote(name)}" if may_stay else "/", status_code=303)


def _role_now(request: Request) -> Role | None:
    """Return the role of whoever asks after a change, which may have been of the own one."""
    person = request.state.person
    found = station_of(request).access.users.find(person.name)
    return person.role if not person.has_account else found.role if found else None


def _users(request: Request, *, wrong: str = "", name: str = "", role: Role = Role.VIEWER) -> Response:
    return page(
        request,
        "users.html",
        code=422 if wrong else 200,
        users=accounts_of(request).all(),
        roles=_ROLES,
        wrong=wrong,
        name=name,
        role=role,
        limits=_LIMITS,
    )


def _user(request: Request, name: str, *, wrong: str = "", made: object = None, secret: str = "") -> Response:
    return page(
        request,
        "user.html",
        code=422 if wrong else 200,
        found=accounts_of(request).get(name),
        now=station_of(request).now(),
        roles=_ROLES,
        wrong=wrong,
        made=made,
        secret=secret,
        limits=_LIMITS,
    )


def _account(request: Request, *, wrong: str = "") -> Response:
    person = request.state.person
    return page(
        request,
        "account.html",
        code=422 if wrong else 200,
        person=person,
        wrong=wrong,
        limits=_LIMITS,
    )
