"""Roles, and what each route needs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from pywats_archive.web.access.needs import actions_of, needs
from pywats_archive.web.access.roles import Action, Role, may, refusal, rights_of
from pywats_archive.web.app import ROUTERS


def undeclared(routers: Iterable[APIRouter]) -> list[str]:
    """Return the routes that do not declare who may use them; one that changes something must say more than READ."""
    return [
        f"{'/'.join(sorted(route.methods or ()))} {route.path}"
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        and not set(actions_of(route)) - (set() if route.methods == {"GET"} else {Action.READ})
    ]


def test_each_route_declares_who_may_use_it() -> None:
    """One that changes something names what it changes: to read is not enough."""
    assert undeclared(ROUTERS) == []


def test_a_route_that_was_forgotten_is_found() -> None:
    """Without a declaration, or with one that lets a viewer change something."""
    router, reading = APIRouter(), APIRouter(dependencies=[needs(Action.READ)])
    router.get("/open")(_nothing)
    reading.get("/list")(_nothing)
    reading.post("/hold")(_nothing)
    reading.delete("/entry", dependencies=[needs(Action.PURGE)])(_nothing)
    assert undeclared([router, reading]) == ["GET /open", "POST /hold"]


def test_each_role_may_do_what_the_one_before_may() -> None:
    """Nobody may sign in only; a viewer reads, an operator works with entries, an admin decides what is kept."""
    allowed = [rights_of(role) for role in (None, *Role)]
    assert allowed[0] == {"sign_in"} and allowed[3] == {action.value for action in Action}
    assert allowed[1] - allowed[0] == {"own_account", "read", "preview", "export"}
    assert allowed[2] - allowed[1] == {"restore", "hold", "verify", "replay", "acknowledge"}
    assert allowed[3] - allowed[2] == {"policy", "purge", "settings", "users", "audit", "approve"}
    assert all(lower < higher for lower, higher in itertools.pairwise(allowed))


@pytest.mark.parametrize("action", Action)
def test_a_refusal_says_who_may(action: Action) -> None:
    """It names each role that is enough."""
    for role in (None, *Role):
        if not may(role, action):
            said = refusal(role, action).partition("; ")[2]
            assert [each for each in Role if each.value in said] == [each for each in Role if may(each, action)]


def _nothing() -> None:
    """The answer of a route."""
