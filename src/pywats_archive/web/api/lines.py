"""Answers of many values: one in a line, as JSON, each sent as soon as it is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from pydantic_core import to_jsonable_python
from starlette.requests import Request
from starlette.responses import StreamingResponse

from pywats_archive.errors import ArchiveError
from pywats_archive.web.station import station_of

MEDIA_TYPE = "application/x-ndjson"


def lines(request: Request, values: Iterable[object]) -> StreamingResponse:
    """Return values line by line. The first is read before the answer begins: what fails there is an error.

    A later failure breaks the answer off, so that no reader takes a part for the whole.
    """
    found = iter(values)
    first = list(islice(found, 1))
    return StreamingResponse(_written(request, chain(first, found)), media_type=MEDIA_TYPE)


def _written(request: Request, values: Iterator[object]) -> Iterator[bytes]:
    station = station_of(request)
    for value in values:
        if station.is_stopping():
            raise ArchiveError("the pages are stopping")
        yield json.dumps(to_jsonable_python(value), separators=(",", ":")).encode("ascii") + b"\n"
