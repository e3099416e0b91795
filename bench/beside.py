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
from pywats_archive.web.access.token import TOKEN_FILE

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
    """Serve the pages of an archive, as ``run --web`` starts them, to somebody who has 20 of them open."""
    words = ["web", "--port", "0", "--archive", str(archive), "--until-input-ends"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "pywats_archive", *words], stdin=pipe, stdout=pipe, text=True
    ) as serving:
        assert serving.stdout
        address = serving.stdout.readline().strip()
        token = (archive / TOKEN_FILE).read_text(encoding="ascii").strip()
        with subprocess.Popen([sys.executable, "-c", _LOOK, address, token]) as looking:
            time.sleep(_BEGUN_S)
            try:
                yield
                assert looking.poll() is None, "nobody looked"
            finally:
                looking.kill()
                serving.terminate()


@contextmanager
def _alone(_: Path) -> Iterator[None]:
    time.sleep(_BEGUN_S)
    yield
