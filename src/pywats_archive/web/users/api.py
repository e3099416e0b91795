"""Users, their tokens and their sessions in JSON; no answer has a secret, except that to a new token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from pywats_archive.web.access.needs import needs
from pywats_archive.web.access.roles import Action, Role, rights_of
from pywats_archive.web.access.users import MOST_DAYS
from pywats_archive.web.api.asked import api_router
from pywats_archive.web.station import station_of, user_of
from pywats_archive.web.users.accounts import TOKEN_DAYS, Accounts, ListedUser

router = api_router(needs(Action.USERS))
own = api_router(needs(Action.OWN_ACCOUNT))


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RoleOrder(_Body):
    """A role for a user."""

    role: Role


class PasswordOrder(_Body):
    """A password for a user."""

    password: SecretStr


class UserOrder(RoleOrder, PasswordOrder):
    """A user to add."""

    name: str = Field(max_length=200)


class TokenOrder(_Body):
    """A token to make."""

    name: str = Field(max_length=200)
    days: int = Field(default=TOKEN_DAYS, ge=1, le=MOST_DAYS)


class TokenName(_Body):
    """A token to revoke."""

    name: str = Field(max_length=200)


class SessionOrder(_Body):
    """The session to end; None means all."""

    session_id: str | None = Field(default=None, max_length=64)


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeToken:
    """A token that was made."""

    user: str
    name: str
    ends_at: datetime
    token: str
    """The secret; it cannot be shown again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnAccount:
    """Who asks, and what this person may do."""

    name: str
    role: Role
    rights: list[str]


def accounts_of(request: Request) -> Accounts:
    """Return the users of the station, for whoever asks."""
    access = station_of(request).access
    return Accounts(access.users, access.sessions, access.records, actor=user_of(request))


@own.get("/account")
def account(request: Request) -> OwnAccount:
    """Return who asks."""
    person = request.state.person
    return OwnAccount(name=person.name, role=person.role, rights=sorted(rights_of(person.role)))


@router.get("/users")
def users(request: Request) -> list[ListedUser]:
    """List the users."""
    return list(accounts_of(request).all())


@router.post("/users", status_code=201)
def add(request: Request, order: UserOrder) -> ListedUser:
    """Add a user."""
    return accounts_of(request).add(order.name, order.password.get_secret_value(), order.role)


@router.get("/users/{name}")
def user(request: Request, name: str) -> ListedUser:
    """Return a user."""
    return accounts_of(request).get(name)


@router.post("/users/{name}/role")
def set_role(request: Request, name: str, order: RoleOrder) -> ListedUser:
    """Change a role, and end the user's sessions."""
    return accounts_of(request).set_role(name, order.role)


@router.post("/users/{name}/password")
def set_password(request: Request, name: str, order: PasswordOrder) -> ListedUser:
    """Set a password, and end the user's sessions."""
    return accounts_of(request).set_password(name, order.password.get_secret_value())


@router.post("/users/{name}/remove", status_code=204)
def remove(request: Request, name: str) -> None:
    """Remove a user with all tokens and sessions."""
    accounts_of(request).remove(name)


@router.post("/users/{name}/sessions/end")
def end_sessions(request: Request, name: str, order: SessionOrder) -> ListedUser:
    """End all sessions of a user, or one."""
    accounts_of(request).end_sessions(name, order.session_id)
    return accounts_of(request).get(name)


@router.post("/users/{name}/tokens", status_code=201)
def add_token(request: Request, name: str, order: TokenOrder) -> MadeToken:
    """Make a token that acts as a user."""
    token, secret = accounts_of(request).add_token(name, order.name, days=order.days)
    return MadeToken(user=accounts_of(request).get(name).name, name=token.name, ends_at=token.ends_at, token=secret)


@router.post("/users/{name}/tokens/revoke")
def revoke_token(request: Request, name: str, order: TokenName) -> ListedUser:
    """Revoke a token of a user."""
    accounts_of(request).revoke_token(name, order.name)
    return accounts_of(request).get(name)
