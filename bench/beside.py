"""(j) Files that a service converts while people look at its pages, against the same files without."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import pipeline
from bench.figures import Board, Figure, median_ratio
from bench.pages import served

_FILES, _PAIRS = 1000, 3
_BEGUN_S = 3
_LOOK = """
import asyncio, os, sys, httpx
os.nice(19) if hasattr(os, "nice") else None
async def look(number):
    place = ("/integrity", "/", "/archives", "/retention", "/archives?status=success")[number % 5]
    headers = {"Authorization": f"Bearer {sys.argv[2]}"}
    async with httpx.AsyncClient(base_url=sys.argv[1], headers=headers, timeout=60) as client:
        await asyncio.sleep(number / 20)
        while True:
            (await client.get(place)).raise_for_status()
            await asyncio.sleep(1)
async def all_look():
    await asyncio.gather(*map(look, range(20)))
asyncio.run(all_look())
"""
"""Looks at 20 pages, each again after a second; as the browsers of other computers, it takes nothing from the service."""


def beside_pages(board: Board) -> None:
    """(j) 1,000 files of 10 KB, with 20 open pages over without."""
    with pipeline.server() as address:
        pairs = [(_run(address, _looked_at), _run(address, _alone)) for _ in range(_PAIRS)]
    details: dict[str, object] = {"beside_s": round(pairs[-1][0], 2), "alone_s": round(pairs[-1][1], 2)}
    name = f"{_FILES} files beside 20 pages that refresh, over without"
    board.add(Figure(figure="j", name=name, ratio=median_ratio(pairs), bound="<= 1.05", details=details))


def _run(address: str, beside: pipeline.Beside) -> float:
    return pipeline.run("JSON", 10_000, address, archive=True, files=_FILES, beside=beside)


@contextmanager
def _looked_at(archive: Path) -> Iterator[None]:
    """Serve the pages of an archive to somebody who has 20 of them open."""
    with served(archive) as (address, _):
        words = [sys.executable, "-c", _LOOK, address.partition("/sign-in")[0], address.partition("token=")[2]]
        with subprocess.Popen(words) as looking:
            time.sleep(_BEGUN_S)
            try:
                yield
                assert looking.poll() is None, "nobody looked"
            finally:
                looking.kill()


@contextmanager
def _alone(_: Path) -> Iterator[None]:
    time.sleep(_BEGUN_S)
    yield
