"""Heavy answers take turns."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import httpx
from fastapi import FastAPI
from tests.patience import PATIENCE_S

from pywats_archive.web.turns import TAKES_TURN


def test_only_two_heavy_answers_are_made_at_once_and_others_do_not_wait() -> None:
    """So processor and memory are left for everybody else."""
    app, may_end, lock = FastAPI(), threading.Event(), threading.Lock()
    now = most = 0

    @app.get("/heavy", dependencies=[TAKES_TURN])
    def heavy() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        may_end.wait(PATIENCE_S)
        with lock:
            now -= 1

    @app.get("/light")
    def light() -> None:
        pass

    async def ask() -> list[int]:
        app.state.site = SimpleNamespace(turns=asyncio.Semaphore(2))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://station") as client:
            waiting = [asyncio.create_task(client.get("/heavy")) for _ in range(5)]
            while now < 2:
                assert not any(each.done() for each in waiting)
                await asyncio.sleep(0.01)
            for _ in range(10):
                assert (await client.get("/light")).status_code == 200
            may_end.set()
            return [(await each).status_code for each in waiting]

    assert asyncio.run(ask()) == [200] * 5
    assert most == 2
