"""Downloads of many entries as a zip: their files alone, or a bag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from pywats_archive.errors import ArchiveError
from pywats_archive.web.bulk import choice as choosing
from pywats_archive.web.station import Station, station_of, user_of
from pywats_archive.web.views.address import ArchiveView

LARGE_BYTES = 2 * 10**9
"""Sources of more than this are better exported on the station, where an export can be resumed."""


def files_response(request: Request, view: ArchiveView) -> Response:
    """Return the files of the entries of a view."""
    station = station_of(request)
    pieces = station.client.export(choosing.wanted_of(view), actor=user_of(request))
    return _zip(station, pieces, _name(station))


def bag_response(
    request: Request, view: ArchiveView, *, sources: bool, reports: bool, reason: str, name: str = ""
) -> Response:
    """Return a bag of the entries of a view; UsageError if there are none, or too many."""
    station = station_of(request)
    name = name or _name(station)
    pieces = station.client.stream_bag(
        name, choosing.wanted_of(view), sources=sources, reports=reports, reason=reason, actor=user_of(request)
    )
    return _zip(station, pieces, name)


def _name(station: Station) -> str:
    return f"archive-{station.now():%Y%m%d-%H%M%S}"


def _zip(station: Station, pieces: Iterator[bytes], name: str) -> Response:
    """Return a zip; the first piece is read before the answer begins, so that what fails there is an error.

    TooManyAtOnce if as many are being sent as are possible.
    """
    pieces = _counted(station, pieces)
    first = next(pieces, b"")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(f'{name}.zip'.encode('utf-8', 'replace'), safe='')}",
        "content-encoding": "identity",  # it is compressed already
    }
    return StreamingResponse(
        _until_stop(station, chain([first], pieces)), media_type="application/zip", headers=headers
    )


def _counted(station: Station, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of one of a few downloads; a browser that leaves ends the generator, and so frees its place."""
    with station.download():
        yield from pieces


def _until_stop(station: Station, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces; break off when the pages end, so that the download is seen to be incomplete."""
    for piece in pieces:
        if station.is_stopping():
            raise ArchiveError("the pages are stopping")
        yield piece
