"""Turns: few pages ask the index at once. Searches, which may be slow, and reads from the vault take no turn of other pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Depends, Request

from pywats_archive.errors import TooManyAtOnce
from pywats_archive.web.plant.site import PlantSite
from pywats_archive.web.views.plant.address import is_search

PATIENCE_S = 30.0
"""How long a request waits for its turn; longer than one question may take."""
FILE_TABS = ("report", "source")
"""The parts of an entry that are read from the vault."""


async def _turn(request: Request) -> AsyncIterator[None]:
    site: PlantSite = request.app.state.site
    if request.query_params.get("tab") in FILE_TABS:
        with site.vault_read():
            yield
        return
    turns = site.searches if is_search(request.query_params) else site.look_ups
    try:
        await asyncio.wait_for(turns.acquire(), PATIENCE_S)
    except asyncio.TimeoutError:
        raise TooManyAtOnce("other searches are not done yet; try again in a moment") from None
    try:
        yield
    finally:
        turns.release()


async def _vault_read(request: Request) -> AsyncIterator[None]:
    site: PlantSite = request.app.state.site
    with site.vault_read():
        yield


TAKES_TURN = Depends(_turn, scope="function")
"""The dependency of a route that asks the index."""
READS_VAULT = Depends(_vault_read, scope="function")
"""The dependency of a route that reads the vault, which may answer late, or never; too many at once are refused."""
