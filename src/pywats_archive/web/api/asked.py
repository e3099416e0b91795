"""What requests may ask: the fields of the Archives page, and no field that a route does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from pywats_archive.errors import UsageError
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


def only_known_fields(request: Request) -> None:
    """Refuse a field that the route does not have; a filter with a slip of the pen would match everything."""
    known = _fields(request.app.openapi(), request.scope["route"].path_format, request.method)
    for name in request.query_params:
        if name not in known:
            raise UsageError(f"the field '{name[:80]}' is unknown; there are {', '.join(sorted(known)) or 'none'}")


def _fields(description: Mapping[str, Any], path: str, method: str) -> set[str]:
    """Return the fields of the address that the description of the API has for a route."""
    operation = description["paths"].get(path, {}).get(method.lower(), {})
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
