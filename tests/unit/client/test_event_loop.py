"""The awaitable methods of the library: the event loop's own thread does no work of theirs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from tests import filled

from pywats_archive import (
    ArchiveStorage,
    AsyncClient,
    Client,
    ReprocessingEngine,
    RetentionEngine,
    RetentionPolicy,
    UsageError,
)

WORK = {"sqlite3", "_sqlite3", "_io", "io", "posix", "nt", "_json", "zlib", "_hashlib"}
"""Modules in C that do what takes time: rows, files, folders, JSON, compression, checksums."""
QUICK = {"cpu_count", "fspath"}
TODAY = date.today()
BEFORE = TODAY - timedelta(days=1)
POLICY = RetentionPolicy(converter_name="C", retention_days=1000)
REPORT = {"type": "T", "sn": "SN1", "root": {"steps": [{"name": str(number)} for number in range(100)]}}


@contextmanager
def seen() -> Iterator[set[str]]:
    """Note what this thread calls of these modules."""
    found: set[str] = set()

    def note(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call":
            owner = getattr(called, "__self__", None)
            module = getattr(called, "__module__", None) or type(owner).__module__
            if module in WORK and called.__name__ not in QUICK:
                found.add(f"{module}.{called.__name__} in {frame.f_code.co_name}")

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


async def work_in_the_loop(call: Callable[[], Awaitable[object]]) -> set[str]:
    """Await a call; return what the loop's thread did meanwhile."""
    with seen() as found:
        await call()
    return found


STORAGE: dict[str, Callable[[ArchiveStorage, Path, str], Awaitable[object]]] = {
    "archive_source": lambda s, root, i: s.archive_source(root / "SN1.csv", "C", {"arguments": {"limit": 5}}),
    "archive_report": lambda s, root, i: s.archive_report(REPORT, i),
    "restore_source": lambda s, root, i: s.restore_source(i, root / "out"),
    "get_archives": lambda s, root, i: s.get_archives(BEFORE, TODAY, "C", "SUCCESS"),
    "update_conversion_metadata": lambda s, root, i: s.update_conversion_metadata(i, "FAILED", "no header", 12),
    "enforce_retention": lambda s, root, i: s.enforce_retention(POLICY),
    "enforce_policy": lambda s, root, i: RetentionEngine(s).enforce_policy(POLICY),
    "preview_purge": lambda s, root, i: RetentionEngine(s).preview_purge(POLICY),
    "estimate_space_savings": lambda s, root, i: RetentionEngine(s).estimate_space_savings(POLICY),
    "confirm_clock": lambda s, root, i: RetentionEngine(s).confirm_clock(),
}
REPLAYS: dict[str, Callable[[ReprocessingEngine], Awaitable[object]]] = {
    "estimate_reprocessing_time": lambda e: e.estimate_reprocessing_time("C", BEFORE, TODAY),
    "reprocess_range": lambda e: refused(e.reprocess_range("none", BEFORE, TODAY), "nothing to replay"),
    "reprocess_single": lambda e: refused(e.reprocess_single("none"), "no entry .none."),
}
CLIENT: dict[str, Callable[[Any], Awaitable[object]]] = {
    "get_archive_entries": lambda c: c.get_archive_entries("C", BEFORE, TODAY),
    "get_archive_statistics": lambda c: c.get_archive_statistics("C"),
    "reprocess_archives": lambda c: refused(c.reprocess_archives("C", BEFORE, TODAY), "from_config"),
    "get_retention_policy": lambda c: c.get_retention_policy("C"),
    "update_retention_policy": lambda c: c.update_retention_policy(POLICY),
}


async def refused(call: Awaitable[object], why: str) -> None:
    """Await a call that cannot be carried out here."""
    with pytest.raises(UsageError, match=why):
        await call


@pytest.mark.parametrize("name", STORAGE)
def test_a_storage_works_in_its_threads(tmp_path: Path, name: str) -> None:
    """No file is opened, no row is read and no JSON is written between the loop's other tasks."""
    archive_id = next(iter(filled.fill(tmp_path)))
    with ArchiveStorage(tmp_path / "archive") as storage:
        assert asyncio.run(work_in_the_loop(lambda: STORAGE[name](storage, tmp_path, archive_id))) == set()


@pytest.mark.parametrize("name", REPLAYS)
def test_an_engine_works_in_threads(tmp_path: Path, name: str) -> None:
    """Entries are selected and read beside the loop."""
    filled.fill(tmp_path)
    (tmp_path / "config.json").write_text('{"converters": []}', encoding="utf-8")
    with ArchiveStorage(tmp_path / "archive") as storage:
        engine = ReprocessingEngine(storage, tmp_path / "config.json")
        assert asyncio.run(work_in_the_loop(lambda: REPLAYS[name](engine))) == set()


@pytest.mark.parametrize("name", CLIENT)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_works_in_threads(tmp_path: Path, name: str, kind: type[Any]) -> None:
    """The methods that the analysis names leave the loop alone, on both clients."""
    filled.fill(tmp_path)

    async def ask() -> set[str]:
        if kind is AsyncClient:
            async with AsyncClient(tmp_path / "archive") as awaitable:
                return await work_in_the_loop(lambda: CLIENT[name](awaitable))
        with Client(tmp_path / "archive") as client:
            return await work_in_the_loop(lambda: CLIENT[name](client))

    assert asyncio.run(ask()) == set()


def test_an_awaitable_client_is_opened_and_read_in_threads(tmp_path: Path) -> None:
    """So are its opening, its streams, its other methods and its end."""
    filled.fill(tmp_path)

    async def use() -> None:
        async with AsyncClient(tmp_path / "archive") as client:
            entries = [entry async for entry in client.entries()]
            assert [each async for each in client.verify()]
            await client.restore([entries[-1].archive_id], tmp_path / "out")
            await client.retention.hold([entries[-1].archive_id], "complaint")
            await client.status()

    assert asyncio.run(work_in_the_loop(use)) == set()


def test_a_storage_is_closed_after_the_calls_that_run(tmp_path: Path) -> None:
    """A program that stops waiting for its calls closes the archive after them, and each is complete."""
    paths = [tmp_path / f"{number}.csv" for number in range(20)]
    for path in paths:
        path.write_bytes(b"1;2;3")

    async def leave() -> None:
        with ArchiveStorage(tmp_path / "archive") as storage:
            calls = [asyncio.ensure_future(storage.archive_source(path, "C")) for path in paths]
            await calls[0]

    asyncio.run(leave())
    with Client(tmp_path / "archive") as client:
        assert [each.problem for each in client.verify() if each.problem] == []
        assert client.find().total == len(paths)
