"""Turns: only few heavy answers are made at once, so that processor and memory are left for all others.

The vault may answer late, or never. It is asked only if a person chose that. A request that waits for the vault takes no turn,
so that it stops no other page; if too many wait, further ones are refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Literal

from fastapi import Depends, Request

from pywats_archive.client import Client
from pywats_archive.client.vault.holding import with_guard
from pywats_archive.web.station import Station, station_of


async def _turn(request: Request) -> AsyncIterator[None]:
    station: Station = request.app.state.site
    if asks_vault(request):
        with station.vault_read():
            yield
    else:
        async with station.turns:
            yield


TAKES_TURN = Depends(_turn, scope="function")
"""The dependency of a route whose answer is heavy; a turn is over before the answer is sent."""


def _field(vault: Literal["yes"] | None = None) -> None:
    """Declare the field by which a person asks for the copy in the vault."""


HAS_VAULT_FIELD = Depends(_field)
"""The dependency of a route of the API that asks the vault only with ``vault=yes``."""


def asks_vault(request: Request) -> bool:
    """Whether a person asked for the copy in the vault, by ``vault=yes``."""
    return request.query_params.get("vault") == "yes"


def client_in_turn(request: Request) -> Client:
    """Return the client of a route with ``TAKES_TURN``, which has counted it as a read from the vault if it is one."""
    return with_guard(station_of(request).client, nullcontext if asks_vault(request) else None)


def client_of_image(request: Request) -> Client:
    """Return the client of a request that a page sends by itself."""
    station = station_of(request)
    return with_guard(station.client, station.vault_read if asks_vault(request) else None)


def client_of_download(request: Request) -> Client:
    """Return the client of a download: whoever chooses it asks for the file, wherever it is."""
    station = station_of(request)
    return with_guard(station.client, station.vault_read)
