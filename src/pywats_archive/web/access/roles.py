"""Roles, and what each may do; pure."""

from __future__ import annotations

from enum import Enum


class Role(str, Enum):
    """What a person may do; each role may do what the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Action(str, Enum):
    """What a route does. Each route declares one, with ``needs``."""

    SIGN_IN = "sign_in"
    OWN_ACCOUNT = "own_account"
    READ = "read"
    PREVIEW = "preview"
    EXPORT = "export"
    RESTORE = "restore"
    HOLD = "hold"
    VERIFY = "verify"
    REPLAY = "replay"
    ACKNOWLEDGE = "acknowledge"
    POLICY = "policy"
    PURGE = "purge"
    SETTINGS = "settings"
    USERS = "users"
    AUDIT = "audit"
    APPROVE = "approve"


_ROLES = tuple(Role)
_LEAST: dict[Action, Role | None] = {
    Action.SIGN_IN: None,
    Action.OWN_ACCOUNT: Role.VIEWER,
    Action.READ: Role.VIEWER,
    Action.PREVIEW: Role.VIEWER,
    Action.EXPORT: Role.VIEWER,
    Action.RESTORE: Role.OPERATOR,
    Action.HOLD: Role.OPERATOR,
    Action.VERIFY: Role.OPERATOR,
    Action.REPLAY: Role.OPERATOR,
    Action.ACKNOWLEDGE: Role.OPERATOR,
    Action.POLICY: Role.ADMIN,
    Action.PURGE: Role.ADMIN,
    Action.SETTINGS: Role.ADMIN,
    Action.USERS: Role.ADMIN,
    Action.AUDIT: Role.ADMIN,
    Action.APPROVE: Role.ADMIN,
}
"""The least role that may do something; None: whoever is not signed in, too."""
_WORDS = {
    Action.SIGN_IN: "sign in",
    Action.OWN_ACCOUNT: "change the own account",
    Action.READ: "read entries",
    Action.PREVIEW: "see what a change would do",
    Action.EXPORT: "download entries",
    Action.RESTORE: "restore entries",
    Action.HOLD: "hold or release entries",
    Action.VERIFY: "check archives",
    Action.REPLAY: "replay entries",
    Action.ACKNOWLEDGE: "acknowledge alerts",
    Action.POLICY: "change policies",
    Action.PURGE: "purge entries",
    Action.SETTINGS: "change settings",
    Action.USERS: "manage users",
    Action.AUDIT: "read who did what",
    Action.APPROVE: "approve what another person requested",
}


def may(role: Role | None, action: Action) -> bool:
    """Return whether a role allows an action; without a role, a person is not signed in."""
    least = _LEAST[action]
    return least is None or (role is not None and _ROLES.index(role) >= _ROLES.index(least))


def rights_of(role: Role | None) -> frozenset[str]:
    """Return the names of all actions that a role allows."""
    return frozenset(action.value for action in Action if may(role, action))


def refusal(role: Role | None, action: Action) -> str:
    """Say that an action is not allowed, and who may do it."""
    able = [_with_article(each) for each in _ROLES if may(each, action)]
    who = "whoever is not signed in" if role is None else _with_article(role)
    return f"not allowed: {who} may not {_WORDS[action]}; {' or '.join(able)} may"


def _with_article(role: Role) -> str:
    return f"{'a' if role is Role.VIEWER else 'an'} {role.value}"
