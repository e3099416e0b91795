"""A check that SCHEMATHESIS_HOOKS adds to schemathesis: a route refuses the role in API_ROLE if, and only if, it must."""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from fastapi.routing import APIRoute

from pywats_archive.web import app
from pywats_archive.web.access.needs import actions_of
from pywats_archive.web.access.roles import Role, may

_ROLE = Role(os.environ["API_ROLE"])
_IS_ALLOWED = {
    (method, route.path_format): all(may(_ROLE, action) for action in actions_of(route))
    for router in app.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    """Keep the user whose token is sent: an admin may remove anybody."""
    if case.path_parameters and case.path_parameters.get("name") == os.environ["API_USER"]:
        case.path_parameters["name"] = "nobody"


@schemathesis.check
def the_role_decides(_: Any, response: Any, case: Any) -> None:
    """Require 403 from a forbidden route, and from no other one; a malformed request may be refused before the role is."""
    is_allowed = _IS_ALLOWED.get((case.method, case.operation.path))  # None: no route has this method
    if is_allowed or (is_allowed is False and case.meta.generation.mode.is_positive):
        assert (response.status_code != 403) is is_allowed
