"""The users of a station, their roles and their tokens; of passwords and tokens only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pywats_archive.errors import UnknownUser, UsageError
from pywats_archive.models.time import Clock, utc_now
from pywats_archive.web.access.passwords import Passwords
from pywats_archive.web.access.roles import Role
from pywats_archive.web.access.shared_file import SharedFile

USER_FILE = "pywats-archive-web-users.json"
TOKEN_PREFIX = "pwa_"  # noqa: S105 (marks a token, so that scanners for secrets can find one)
LONGEST_NAME = 64
MOST_DAYS = 3650
_OTHER_ACTORS = frozenset({"service", "configuration", "library", "replay", "demo", "unknown"})
"""Names that the history has for programs."""
_MARKS = " .-_@+'"
_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiToken:
    """What a program signs in with, as its user."""

    name: str
    added_at: datetime
    ends_at: datetime
    digest: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A person who may sign in."""

    name: str
    role: Role
    added_at: datetime
    password_hash: str = field(repr=False)
    mark: str = field(repr=False)
    """Changes with the password and the role: sessions with another mark have ended."""
    tokens: tuple[ApiToken, ...] = ()


class Users:
    """The users of one station, in a file beside its token."""

    def __init__(self, folder: Path, *, passwords: Passwords | None = None, clock: Clock = utc_now) -> None:
        self._passwords = passwords or Passwords()
        self._now = clock
        self._file = SharedFile(
            folder / USER_FILE,
            decode=_decoded,
            encode=_encoded,
            advice="restore it from a backup, or remove the file and add the users again",
        )

    def all(self) -> tuple[User, ...]:
        """Return all users, by name."""
        return tuple(sorted(self._file.records.values(), key=lambda each: each.name.casefold()))

    def find(self, name: str) -> User | None:
        """Return the user of this name, in any case."""
        return self._file.records.get(_key(name))

    def get(self, name: str) -> User:
        """Return the user of this name; UnknownUser if there is none."""
        return _known(self._file.records, name)

    def add(self, name: str, password: str, role: Role) -> User:
        """Add a user; UsageError if the name is taken or unfit, or the password is."""
        fit = _fit(name, "a user's name", longest=LONGEST_NAME)
        if fit.casefold() in _OTHER_ACTORS:
            raise UsageError(f"the name '{fit}' is reserved for programs; choose another name")
        user = User(
            name=fit,
            role=role,
            added_at=self._now(),
            password_hash=self._passwords.hash(password),
            mark=secrets.token_hex(8),
        )
        with self._file.changing() as known:
            if _key(fit) in known:
                raise UsageError(f"the user '{known[_key(fit)].name}' exists already; choose another name")
            known[_key(fit)] = user
        return user

    def set_role(self, name: str, role: Role) -> User:
        """Change a role; all sessions of the user end. UsageError for the last admin among others."""
        with self._file.changing() as known:
            user = _known(known, name)
            if user.role is role:
                return user
            known[_key(name)] = changed = replace(user, role=role, mark=secrets.token_hex(8))
            _require_admin(known.values(), without=user)
        return changed

    def set_password(self, name: str, password: str) -> User:
        """Set a password; all sessions of the user end."""
        self.get(name)
        hashed = self._passwords.hash(password)
        with self._file.changing() as known:
            user = replace(_known(known, name), password_hash=hashed, mark=secrets.token_hex(8))
            known[_key(name)] = user
        return user

    def remove(self, name: str) -> User:
        """Remove a user with all tokens and sessions; UsageError for the last admin among others."""
        with self._file.changing() as known:
            user = _known(known, name)
            del known[_key(name)]
            _require_admin(known.values(), without=user)
        return user

    def with_password(self, name: str, password: str) -> User | None:
        """Return the user with this name and password, None if there is none; both take as long."""
        user = self.find(name)
        if not self._passwords.is_right(user.password_hash if user else None, password) or user is None:
            return None
        if self._passwords.is_outdated(user.password_hash):
            hashed = self._passwords.hash_again(password)
            with self._file.changing() as known:
                if (now := known.get(_key(name))) and now.password_hash == user.password_hash:
                    known[_key(name)] = replace(now, password_hash=hashed)
        return user

    def add_token(self, name: str, token_name: str, *, days: int) -> str:
        """Make a token that acts as a user, and return it: only its hash is kept."""
        label = _fit(token_name, "the name of a token", longest=LONGEST_NAME)
        if not 1 <= days <= MOST_DAYS:
            raise UsageError(f"a token ends after 1 to {MOST_DAYS:,} days; choose how many")
        secret, now = TOKEN_PREFIX + secrets.token_urlsafe(_SECRET_BYTES), self._now()
        token = ApiToken(name=label, added_at=now, ends_at=now + timedelta(days=days), digest=_digest(secret))
        with self._file.changing() as known:
            user = _known(known, name)
            if any(_key(each.name) == _key(label) for each in user.tokens):
                raise UsageError(f"'{user.name}' has a token '{label}' already; revoke it, or choose another name")
            known[_key(name)] = replace(user, tokens=(*user.tokens, token))
        return secret

    def revoke_token(self, name: str, token_name: str) -> None:
        """Remove a token; UsageError if the user has none of this name."""
        with self._file.changing() as known:
            user = _known(known, name)
            kept = tuple(each for each in user.tokens if _key(each.name) != _key(token_name))
            if len(kept) == len(user.tokens):
                raise UsageError(f"'{user.name}' has no token '{token_name}'; there are {_listed(user.tokens)}")
            known[_key(name)] = replace(user, tokens=kept)

    def with_token(self, secret: str) -> tuple[User, ApiToken] | None:
        """Return the user as whom a token acts, and the token; None if it is unknown, revoked or has ended."""
        digest, now = _digest(secret), self._now()
        for user in self._file.records.values():
            for token in user.tokens:
                if secrets.compare_digest(token.digest, digest):
                    return (user, token) if token.ends_at > now else None
        return None


def _known(users: dict[str, User], name: str) -> User:
    user = users.get(_key(name))
    if user is None:
        known = ", ".join(f"'{each.name}'" for each in users.values()) or "none"
        raise UnknownUser(f"no user is called '{name[:LONGEST_NAME]}'; there are {known}")
    return user


def _require_admin(users: Iterable[User], *, without: User) -> None:
    left = list(users)
    if left and without.role is Role.ADMIN and not any(each.role is Role.ADMIN for each in left):
        raise UsageError("this is the last admin; make another user an admin first")


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _fit(name: str, what: str, *, longest: int) -> str:
    """Return a name as it is kept; UsageError if it has characters that could hide or look like something else."""
    fit = unicodedata.normalize("NFKC", name).strip()
    is_fit = 1 <= len(fit) <= longest and fit[0].isalnum()
    if not is_fit or not all(each in _MARKS or unicodedata.category(each)[0] in "LMN" for each in fit):
        raise UsageError(
            f"{what} has 1 to {longest} letters and digits, spaces and the marks {_MARKS.strip()}; "
            "it begins with a letter or a digit"
        )
    return fit


def _listed(tokens: tuple[ApiToken, ...]) -> str:
    return ", ".join(f"'{each.name}'" for each in tokens) or "none"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _decoded(kept: dict[str, Any]) -> User:
    tokens = tuple(
        ApiToken(
            name=str(each["name"]),
            added_at=datetime.fromisoformat(each["added_at"]),
            ends_at=datetime.fromisoformat(each["ends_at"]),
            digest=str(each["digest"]),
        )
        for each in kept["tokens"]
    )
    return User(
        name=str(kept["name"]),
        role=Role(kept["role"]),
        added_at=datetime.fromisoformat(kept["added_at"]),
        password_hash=str(kept["password_hash"]),
        mark=str(kept["mark"]),
        tokens=tokens,
    )


def _encoded(user: User) -> dict[str, Any]:
    tokens = [
        {
            "name": each.name,
            "added_at": each.added_at.isoformat(),
            "ends_at": each.ends_at.isoformat(),
            "digest": each.digest,
        }
        for each in user.tokens
    ]
    return asdict(user) | {"role": user.role.value, "added_at": user.added_at.isoformat(), "tokens": tokens}
