"""(j) The web pages over a large catalog: time of each list and entry in Chromium, and memory of their process."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from bench import catalog
from bench.figures import Board, Figure, folder, timed
from pywats_archive.archive.core import Archive
from pywats_archive.archive.results import conversions
from pywats_archive.archive.sources import ingest
from pywats_archive.catalog.engine import Catalog
from pywats_archive.models.conversion import Conversion
from pywats_archive.models.entry import ConversionStatus

_ROUNDS, _PAGES, _REQUESTS = 5, 20, 1000
_LARGE = 1_000_000_000
_LISTS = {
    "first rows": "/archives",
    "by serial number": "/archives?sort=serial",
    "by result": "/archives?sort=result",
    "by size": "/archives?sort=size",
    "by duration": "/archives?sort=duration",
    "oldest first": "/archives?order=asc",
    "a converter": "/archives?converter=converter-3",
    "a status": "/archives?status=success",
    "a result": "/archives?result=passed",
    "accepted reports": "/archives?submission=accepted",
    "a serial number": "/archives?serial=SN0000333",
    "the beginning of a serial number": "/archives?serial=SN00003*",
    "a part number": "/archives?part=P7",
    "a common word": "/archives?q=ict",
    "Overview": "/",
    "Retention": "/retention",
}


def pages(board: Board, count: int) -> None:
    """(j) Fill an archive, and measure its pages."""
    with folder() as base:
        small, large, source = made(base / "archive", count)
        archive = base / "archive"
        with _served(archive) as (address, process), _browser() as page:
            page.goto(address)
            measure(board, page, address, {**_LISTS, "next page": _next(page, address)}, limit_s=0.5)
            measure(board, page, address, {"an entry of 281 steps": f"/entries/{small}"}, limit_s=0.5)
            measure(board, page, address, {"an entry of 10,117 steps": f"/entries/{large}"}, limit_s=1.5)
            _memory(board, page, address, process, large=large, source=source)


def made(root: Path, count: int) -> tuple[str, str, str]:
    """Make an archive of ``count`` entries; return the ids of three more: with 281 steps, 10,117 steps, a source of 1 GB."""
    with Archive.open(root, create=True, own=True) as archive:
        ids = [_reported(archive, root.parent, steps) for steps in (281, 10_117)]
        huge = root.parent / "huge.csv"
        with huge.open("wb") as stream:
            for number in range(_LARGE // 1_000_000):
                stream.write(b"%07d;1.5;V\n" % number * (1_000_000 // 14))
        source = ingest.archive_source(archive, ingest.NewSource(path=huge, converter_name="large")).archive_id
        huge.unlink()
    filled = Catalog.open(root / "metadata.db")
    catalog.fill(filled, count, end=datetime.now(timezone.utc))
    filled.close()
    return ids[0], ids[1], source


def measure(board: Board, page: Page, address: str, places: dict[str, str], *, limit_s: float) -> None:
    """Measure each address from the request to the second frame: the median without the first time, which is cold."""
    base = address.partition("/sign-in")[0]
    for name, place in places.items():
        times = [timed(lambda place=place: _open(page, base + place)) for _ in range(_ROUNDS)]  # type: ignore[misc]
        middle = statistics.median(times[1:])
        details = {"first_ms": round(times[0] * 1e3), "ms": round(middle * 1e3), "least_ms": round(min(times) * 1e3)}
        title = f"page of {name}, of {limit_s:g} s"
        board.add(Figure(figure="j", name=title, ratio=middle / limit_s, bound="<= 1", details=details))


def _open(page: Page, address: str) -> None:
    answer = page.goto(address)
    assert answer and answer.ok, address
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def _next(page: Page, address: str) -> str:
    """Return the address of the second page of the list."""
    _open(page, address.partition("/sign-in")[0] + "/archives?to=" + f"{datetime.now():%Y-%m-%d}")
    return str(page.locator("a[rel=next]").get_attribute("href"))


def _memory(board: Board, page: Page, address: str, process: subprocess.Popen[str], *, large: str, source: str) -> None:
    """Measure the memory after 20 open pages, parts of the large source, the large report and 1,000 requests."""
    base = address.partition("/sign-in")[0]
    others = [page.context.new_page() for _ in range(_PAGES)]
    for number, each in enumerate(others):
        each.goto(base + list(_LISTS.values())[number % len(_LISTS)])
    opened = _rss_mb(process.pid)
    for at in (0, _LARGE // 2, _LARGE - 100_000):
        page.goto(f"{base}/entries/{source}?tab=source&at={at}", timeout=120_000)
    page.goto(f"{base}/entries/{large}")
    token = {"Authorization": f"Bearer {address.partition('token=')[2]}"}
    with httpx.Client(base_url=base, headers=token, timeout=60) as client:
        for _ in range(_REQUESTS):
            assert client.get("/archives").status_code == 200
    details = {"open_mb": opened, "mb": _rss_mb(process.pid), "most_mb": _rss_mb(process.pid, "VmHWM")}
    name = "memory of the pages after all that, of 150 MB"
    board.add(Figure(figure="j", name=name, ratio=details["mb"] / 150, bound="<= 1", details=details))


def _rss_mb(pid: int, field: str = "VmRSS") -> int:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return round(next(int(line.split()[1]) for line in text.splitlines() if line.startswith(field)) / 1024)


@contextmanager
def _served(root: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    words = [sys.executable, "-m", "pywats_archive", "web", "--port", "0", "--archive", str(root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield next(line.strip() for line in process.stdout if line.startswith("http")), process
        finally:
            process.terminate()


@contextmanager
def _browser() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser.new_context().new_page()
        browser.close()


def _reported(archive: Archive, base: Path, steps: int) -> str:
    path = base / f"{steps}.csv"
    path.write_text(f"{steps} steps", encoding="utf-8")
    entry = ingest.archive_source(archive, ingest.NewSource(path=path, converter_name="steps"))
    conversion = Conversion(
        archive_id=entry.archive_id,
        attempt=0,
        started_at=archive.now(),
        duration_ms=1,
        status=ConversionStatus.SUCCESS,
        converter_name="steps",
        converter_class="m.C",
    )
    new = conversions.NewConversion(conversion=conversion, documents=[_document(steps)])
    conversions.record_conversion(archive, new)
    return entry.archive_id


def _document(steps: int) -> bytes:
    """Return a report in groups of 50 steps with limits; a few steps failed."""
    groups: list[dict[str, Any]] = []
    step: Callable[[int], dict[str, Any]] = lambda number: {  # noqa: E731
        "id": number,
        "group": "M",
        "stepType": "ET_NLT",
        "name": f"R{number} resistance",
        "status": "F" if number % 997 == 0 else "P",
        "totTime": 0.012,
        "numericMeas": [
            {"compOp": "GELE", "status": "P", "unit": "Ohm", "value": 99.5, "lowLimit": 95.0, "highLimit": 105.0}
        ],
    }
    for first in range(0, steps, 50):
        children = [step(number) for number in range(first + 1, min(first + 50, steps))]
        groups.append(
            {"id": first, "name": f"Group {first}", "stepType": "SequenceCall", "status": "P", "steps": children}
        )
    root = {"id": -1, "name": "Main", "stepType": "SequenceCall", "status": "F", "steps": groups}
    report = {"type": "T", "sn": f"STEPS{steps}", "pn": "P", "rev": "A", "processCode": 10, "result": "F", "root": root}
    return json.dumps(report).encode()
