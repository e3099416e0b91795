"""Turns: only few heavy answers are made at once, so that processor and memory are left for all others."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import Depends, Request

from pywats_archive.web.station import Station


async def _turn(request: Request) -> AsyncIterator[None]:
    station: Station = request.app.state.station
    async with station.turns:
        yield


TAKES_TURN = Depends(_turn, scope="function")
"""The dependency of a route whose answer is heavy; a turn is over before the answer is sent."""
