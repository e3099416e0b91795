"""``web users``: who may sign in to the web pages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from pywats_archive.cli import options
from pywats_archive.cli.account import AsOwnerOption, write_as
from pywats_archive.cli.output import console, print_json
from pywats_archive.cli.web_place import folder_of, require_pages
from pywats_archive.errors import UsageError
from pywats_archive.words.times import when

if TYPE_CHECKING:
    from pywats_archive.web.access.roles import Role
    from pywats_archive.web.users.accounts import Accounts, ListedUser

app = typer.Typer(help="Add and remove users of the web pages.", no_args_is_help=True, rich_markup_mode=None)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="Name of the token, such as that of the program.")]
_LONGEST = 1000


class RoleName(str, Enum):
    """The roles that a user may have."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenOfUser:
    """A token of a user, without its secret."""

    name: str
    """What it is called."""
    added_at: datetime
    """When it was made."""
    ends_at: datetime
    """When it ends; from then on it is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserOfPages:
    """A user of the web pages."""

    name: str
    """What the history calls the user."""
    role: RoleName
    """What the user may do."""
    added_at: datetime
    """When the user was added."""
    tokens: tuple[TokenOfUser, ...]
    """The user's tokens, oldest first."""
    sessions: int
    """How many browsers are signed in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserList:
    """All users of the web pages."""

    users: tuple[UserOfPages, ...]
    """By name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NewToken:
    """A token that was made."""

    user: str
    """The user as whom it acts."""
    name: str
    """What it is called."""
    ends_at: datetime
    """When it ends; from then on it is refused."""
    token: str
    """The secret; it cannot be shown again."""


@app.command("add")
def add(
    name: NameArgument,
    role: Annotated[RoleName, typer.Option(help="What the user may do.")] = RoleName.VIEWER,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Add a user.

    It asks for the password; in a script, the first line of the input is the password.
    """
    with _accounts(archive, config, as_owner=as_owner) as accounts:
        _say(accounts.add(name, _password(), _role(role)), as_json=as_json)


@app.command("list")
def list_users(
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """List the users with their tokens."""
    with _accounts(archive, config, as_owner=None) as accounts:
        users = tuple(map(_document, accounts.all()))
    if as_json:
        print_json(UserList(users=users))
        return
    if not users:
        console.print("no user yet; 'pywats-archive web users add' adds one")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "role", "signed in", "tokens"):
        table.add_column(column)
    for each in users:
        tokens = ", ".join(f"{token.name} (until {when(token.ends_at)})" for token in each.tokens)
        table.add_row(each.name, each.role.value, str(each.sessions or "-"), tokens or "-")
    console.print(table)


@app.command("set")
def set_user(
    name: NameArgument,
    role: Annotated[RoleName | None, typer.Option(help="What the user may do from now on.")] = None,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Change the role or the password of a user.

    The user is signed out everywhere.
    """
    if role is None and not password:
        raise UsageError("nothing to change; use --role or --password")
    with _accounts(archive, config, as_owner=as_owner) as accounts:
        user = accounts.get(name)
        if role is not None:
            user = accounts.set_role(name, _role(role))
        if password:
            user = accounts.set_password(name, _password())
        _say(user, as_json=as_json)


@app.command("remove")
def remove(
    name: NameArgument,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Remove a user, with all tokens."""
    with _accounts(archive, config, as_owner=as_owner) as accounts:
        user = accounts.get(name)
        accounts.remove(name)
        _say(user, as_json=as_json, done="removed")


@app.command("token")
def add_token(
    name: NameArgument,
    token_name: TokenArgument,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it ends.")] = 90,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Make a token for a program.

    The program acts as this user. The token is printed once; only its hash is kept.
    """
    with _accounts(archive, config, as_owner=as_owner) as accounts:
        token, secret = accounts.add_token(name, token_name, days=days)
        user = accounts.get(name).name
    if as_json:
        print_json(NewToken(user=user, name=token.name, ends_at=token.ends_at, token=secret))
    else:
        sys.stdout.write(f"{secret}\n")


@app.command("revoke")
def revoke_token(
    name: NameArgument,
    token_name: TokenArgument,
    archive: options.ArchiveOption = None,
    config: options.ConfigOption = None,
    as_owner: AsOwnerOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Revoke a token of a user."""
    with _accounts(archive, config, as_owner=as_owner) as accounts:
        accounts.revoke_token(name, token_name)
        _say(accounts.get(name), as_json=as_json, done="changed")


@contextmanager
def _accounts(archive: Path | None, config: Path | None, *, as_owner: bool | None) -> Iterator[Accounts]:
    """Open the users of a station; to change them, as the account of its archives."""
    require_pages()
    if as_owner is not None:
        write_as(archive, config, as_owner=as_owner)
    from pywats_archive.web.users.accounts import accounts_in  # noqa: PLC0415 (an extra)

    with options.open_client(archive, config) as client:
        yield accounts_in(folder_of(archive, config), client)


def _role(name: RoleName) -> Role:
    from pywats_archive.web.access.roles import Role  # noqa: PLC0415 (an extra)

    return Role(name.value)


def _password() -> str:
    """Ask for a password, twice and hidden; without a terminal, read the first line of the input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(_LONGEST + 2).rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _say(user: ListedUser, *, as_json: bool, done: str = "") -> None:
    if as_json:
        print_json(_document(user))
    else:
        console.print(f"{user.name}: {done or user.role.value}")


def _document(user: ListedUser) -> UserOfPages:
    return UserOfPages(
        name=user.name,
        role=RoleName(user.role.value),
        added_at=user.added_at,
        tokens=tuple(TokenOfUser(name=t.name, added_at=t.added_at, ends_at=t.ends_at) for t in user.tokens),
        sessions=len(user.sessions),
    )
