"""Users, tokens and sessions as an admin sees and changes them; each change is in the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pywats_archive.client import Client
from pywats_archive.web.access.records import Records
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.sessions import Sessions
from pywats_archive.web.access.users import User, Users
from pywats_archive.web.settings import WebSettings

TOKEN_DAYS = 90


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedToken:
    """A token of a user, without its secret."""

    name: str
    added_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedSession:
    """A browser in which a user is signed in."""

    session_id: str
    began_at: datetime
    seen_at: datetime
    """About when it was used last."""
    ends_at: datetime
    address: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedUser:
    """A user, without any secret."""

    name: str
    role: Role
    added_at: datetime
    tokens: tuple[ListedToken, ...]
    sessions: tuple[ListedSession, ...]


class Accounts:
    """The users of a station, for one admin."""

    def __init__(self, users: Users, sessions: Sessions, records: Records, *, actor: str) -> None:
        self._users = users
        self._sessions = sessions
        self._records = records
        self._actor = actor

    def all(self) -> tuple[ListedUser, ...]:
        """Return all users, by name."""
        return tuple(map(self._listed, self._users.all()))

    def get(self, name: str) -> ListedUser:
        """Return one user; UnknownUser if there is none."""
        return self._listed(self._users.get(name))

    def add(self, name: str, password: str, role: Role) -> ListedUser:
        """Add a user."""
        user = self._users.add(name, password, role)
        self._records.note("user.added", self._actor, user=user.name, role=role.value)
        return self._listed(user)

    def set_role(self, name: str, role: Role) -> ListedUser:
        """Change a role, and end the user's sessions; nothing if the user has it already."""
        before = self._users.get(name)
        user = self._users.set_role(name, role)
        if before.role is not role:
            self._sessions.end_those_of(user.name)
            self._records.note(
                "user.role_changed", self._actor, user=user.name, role=role.value, before=before.role.value
            )
        return self._listed(user)

    def set_password(self, name: str, password: str) -> ListedUser:
        """Set a password, and end the user's sessions."""
        user = self._users.set_password(name, password)
        self._sessions.end_those_of(user.name)
        self._records.note("user.password_changed", self._actor, user=user.name)
        return self._listed(user)

    def remove(self, name: str) -> str:
        """Remove a user with all tokens and sessions; return the name."""
        user = self._users.remove(name)
        self._sessions.end_those_of(user.name)
        self._records.note("user.removed", self._actor, user=user.name, role=user.role.value)
        return user.name

    def end_sessions(self, name: str, session_id: str | None = None) -> int:
        """End all sessions of a user, or one; return how many ended."""
        user = self._users.get(name)
        ended = self._sessions.end_those_of(user.name, session_id)
        if ended:
            self._records.note("user.sessions_ended", self._actor, user=user.name, sessions=ended)
        return ended

    def add_token(self, name: str, token_name: str, *, days: int = TOKEN_DAYS) -> tuple[ListedToken, str]:
        """Make a token that acts as a user; return it with its secret, which is not kept."""
        secret = self._users.add_token(name, token_name, days=days)
        user = self._users.get(name)
        token = self._listed(user).tokens[-1]
        self._records.note(
            "token.added", self._actor, user=user.name, token=token.name, ends_at=token.ends_at.isoformat()
        )
        return token, secret

    def revoke_token(self, name: str, token_name: str) -> None:
        """Revoke a token."""
        self._users.revoke_token(name, token_name)
        self._records.note("token.revoked", self._actor, user=self._users.get(name).name, token=token_name)

    def _listed(self, user: User) -> ListedUser:
        sessions = (
            ListedSession(
                session_id=each.session_id,
                began_at=each.began_at,
                seen_at=each.seen_at,
                ends_at=each.ends_at,
                address=each.address,
            )
            for each in self._sessions.of(user.name)
        )
        return ListedUser(
            name=user.name,
            role=user.role,
            added_at=user.added_at,
            tokens=tuple(
                ListedToken(name=each.name, added_at=each.added_at, ends_at=each.ends_at) for each in user.tokens
            ),
            sessions=tuple(sessions),
        )


def accounts_in(folder: Path, client: Client) -> Accounts:
    """Open the users of a station for whoever uses a client: for the command."""
    settings = WebSettings()
    sessions = Sessions(folder, length=settings.session_length, idle=settings.session_idle)
    records = Records(lambda kind, actor, details: client.record_event(kind, actor=actor, details=details))
    return Accounts(Users(folder), sessions, records, actor=client.actor)
