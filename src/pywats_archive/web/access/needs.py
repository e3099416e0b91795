"""What a route needs: the one place where a role is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from pywats_archive.errors import NotAllowed
from pywats_archive.web.access.roles import Action, may, refusal


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency that refuses whoever may not do something."""

    action: Action

    async def __call__(self, request: Request) -> None:
        """Raise NotAllowed unless the role of whoever asks allows the action."""
        person = request.state.person
        role = person.role if person else None
        if not may(role, self.action):
            await run_in_threadpool(self._record, request)
            raise NotAllowed(refusal(role, self.action))

    def _record(self, request: Request) -> None:
        access, person = request.state.access, request.state.person
        name, what = person.actor if person else "unknown", self.action.value
        access.records.refused(
            "user.not_allowed", f"{name} {what}", actor=name, action=what, path=request.url.path[:200]
        )


def needs(action: Action) -> Any:
    """Declare what a route does, or all routes of a router: ``dependencies=[needs(Action.READ)]``."""
    return Depends(Needs(action))


def actions_of(route: APIRoute) -> tuple[Action, ...]:
    """Return the actions that a route declares; whoever asks must be allowed all of them."""
    found = (each.dependency for each in route.dependencies if isinstance(each, Dependency))
    return tuple(each.action for each in found if isinstance(each, Needs))
