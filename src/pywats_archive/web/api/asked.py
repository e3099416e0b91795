"""What requests may ask: the fields of the Archives page, and no field that a route does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.dependencies.models import Dependant

from pywats_archive.errors import UsageError
from pywats_archive.web import problems
from pywats_archive.web.views import address
from pywats_archive.web.views.address import ArchiveView

Text = Annotated[str, Query(max_length=1000)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Archive = Annotated[str | None, Query(description="The folder of one archive, where the station has several.")]


def _view(
    q: Text = "",
    converter: Text = "",
    status: Text = "",
    result: Text = "",
    from_: Annotated[str, Query(alias="from", max_length=1000)] = "",
    to: Text = "",
    serial: Text = "",
    part: Text = "",
    reason: Text = "",
    ids: str = "",
    submission: Text = "",
    warned: Text = "",
    purged: Text = "",
    sort: Text = "",
    order: Text = "",
    after: str = "",
) -> ArchiveView:
    """Read the fields of the Archives page."""
    given = {name: value for name, value in locals().items() if name != "from_"}
    return address.read({**given, "from": from_})


View = Annotated[ArchiveView, Depends(_view)]
"""The entries that an address asks for."""


def api_router(*needed: Any, prefix: str = "") -> APIRouter:
    """Return a router of the API, whose routes refuse unknown fields and need ``needed``."""
    return APIRouter(
        prefix=f"/api/v1{prefix}",
        dependencies=[Depends(_only_known_fields), *needed],
        responses=problems.DESCRIBED,
        default_response_class=problems.Json,
    )


def _only_known_fields(request: Request) -> None:
    """Refuse a field that the route does not have; a filter with a slip of the pen would match everything."""
    known = set(_fields(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            raise UsageError(f"the field '{name[:80]}' is unknown; there are {', '.join(sorted(known)) or 'none'}")


def _fields(dependant: Dependant) -> Iterator[str]:
    """Yield the fields of the address that a route has."""
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _fields(each)
